"""Set-up shared by all tests: shapes are checked at run time, and no test reads the developer's store."""

import os

from hypothesis import settings
from jaxtyping import install_import_hook

import tests.typechecker  # noqa: F401  (the hook below looks it up by name)

os.environ.pop("NCCLI_STORE", None)
os.environ.pop("NCCLI_DEBUG", None)
install_import_hook(["nccli.theory", "nccli.metrics", "nccli.dufm", "nccli.e2e"], "tests.typechecker.typechecker")
settings.register_profile("nccli", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("nccli")
