"""The commands and the store from Python, as notebooks use them; `import nccli` offers all of it.

Functions have the options, defaults and errors of the command line and return records, lists of dictionaries. They
print nothing on stdout, leave signals of other threads alone, and need no event loop of their own. Notes go to stderr
unless `quiet` is True.
"""

from nccli.notebook.calls import compare, construct, measure, search, train_dufm, train_e2e
from nccli.notebook.store_frame import frame

__all__ = ["compare", "construct", "frame", "measure", "search", "train_dufm", "train_e2e"]
