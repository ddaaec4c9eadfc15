"""Set-up shared by all tests: shapes are checked at run time, and no test reads the developer's store."""

import os
import signal

from hypothesis import settings
from jaxtyping import install_import_hook

import tests.typechecker  # noqa: F401  (the hook below looks it up by name)

os.environ.pop("NCCLI_STORE", None)
os.environ.pop("NCCLI_DEBUG", None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background job, and its children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
install_import_hook(
    ["nccli.theory", "nccli.metrics", "nccli.dufm", "nccli.e2e", "nccli.measure"], "tests.typechecker.typechecker"
)
settings.register_profile("nccli", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("nccli")
