"""Every way in which nccli refuses or fails, and the exit code that a shell sees.

NccliError                  1
├── InputError              2   bad usage or bad input
├── NothingFoundError       3   no such run, no run matches
├── SomeRunsFailedError     4   some runs diverged or failed, the rest is stored
├── StoreError              5   store busy or unusable
│   └── StoreVersionError   6   store made by a newer nccli, or needs an upgrade
├── InterruptedRunError   130   SIGINT; what there was is stored
│   └── TerminatedRunError 143  SIGTERM; what there was is stored

From Python (`nccli.notebook`) runs that failed are records all the same, with a `SomeRunsFailedWarning`.
"""


class NccliError(Exception):
    """Root of all errors of nccli. The message is one or two lines: the value, the rule, the way out."""

    exit_code = 1


class InputError(NccliError, ValueError):
    """A value, option, file or combination of them that nccli cannot work with."""

    exit_code = 2


class NothingFoundError(NccliError):
    """No stored run fits what was asked for."""

    exit_code = 3


class SomeRunsFailedError(NccliError):
    """Some runs of a sweep diverged or failed; all of them are stored."""

    exit_code = 4


class StoreError(NccliError):
    """The store cannot be opened, read or written."""

    exit_code = 5


class StoreVersionError(StoreError):
    """The store was made by a newer nccli, or has to be upgraded first."""

    exit_code = 6


class InterruptedRunError(NccliError):
    """Ctrl-C (SIGINT) ended the work early."""

    exit_code = 130


class TerminatedRunError(InterruptedRunError):
    """SIGTERM ended the work early."""

    exit_code = 143


class SomeRunsFailedWarning(UserWarning):
    """Some runs of a call from Python diverged or failed: their records say so, or something was not read."""
