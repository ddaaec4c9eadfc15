"""Entry point: runs the app and turns every way to end into its exit code (design sheet, section 2)."""

import errno
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from stat import S_ISREG
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from nccli.cli.notes import failing_later, say, warn
from nccli.errors import InputError, InterruptedRunError, NccliError, TerminatedRunError

if TYPE_CHECKING:
    import typer

_CLOSED_PIPE = 141

_LONGEST, _KEPT = 600, 250
"""Tastes: characters of a line of an error, and of each of its ends where it names a longer value."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NAMED = (errno.EACCES, errno.ENAMETOOLONG, errno.EPERM, errno.EROFS)
"""What the system says of a file that a user may not have, or that cannot be."""


def main() -> NoReturn:
    """Run `nccli` with the arguments of the process and exit."""
    _open_streams()
    code = _refuse_database() or run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _closed_pipe()
    except OSError as error:
        _drop_output()
        code = code or _fail(f"cannot write to stdout: {error.strerror}", NccliError.exit_code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run `nccli` with the given arguments and return the exit code; errors go to stderr in one or two lines."""
    try:
        signal.signal(signal.SIGTERM, _terminate)
        import typer

        from nccli.cli.app import build_app

        try:
            with failing_later():
                return int(build_app()(list(arguments), standalone_mode=False, prog_name="nccli") or 0)
        except typer.Abort:
            return InterruptedRunError.exit_code
        except typer.TyperException as error:
            return _usage_error(error, list(arguments))
    except NccliError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return InterruptedRunError.exit_code
    except BrokenPipeError:
        return _closed_pipe()
    except MemoryError as error:
        return _fail(f"out of memory{f' ({error})' if str(error) else ''}: choose smaller sizes", InputError.exit_code)
    except OSError as error:
        if error.errno in _FULL:
            return _fail(f"cannot write: {error.strerror}", NccliError.exit_code)
        if error.errno in _NAMED and error.filename is not None:
            return _fail(f"'{os.fsdecode(error.filename)}': {error.strerror}", InputError.exit_code)
        return _unexpected(error)
    except SystemExit as end:
        if isinstance(end.__context__, OSError) and end.__context__.errno == errno.EPIPE:
            return _closed_pipe()
        return end.code if isinstance(end.code, int) else 1
    except Exception as error:
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    if os.environ.get("NCCLI_DEBUG"):
        traceback.print_exception(error)
    return _fail(
        f"internal error, please report it: {type(error).__name__}: {error}\n"
        "NCCLI_DEBUG=1 before the command shows where it happened",
        NccliError.exit_code,
    )


def _usage_error(error: "typer.TyperException", arguments: list[str]) -> int:
    """The exit code of a usage error that was told; help where a command was missing."""
    message = error.format_message()
    if not message:  # help that a terminal shows already
        return error.exit_code
    if message.startswith("Usage: "):
        say(message)
        return error.exit_code
    return _fail(usage_text(error, arguments), error.exit_code)


def usage_text(error: "typer.TyperException", arguments: Sequence[str]) -> str:
    """A usage error in one line that names the value."""
    message = error.format_message()
    message = " ".join(message.split()).rstrip(".").replace(": Value error, ", ": ", 1)
    option = re.search(r"'(--?[\w-]+)'", message)
    if message.startswith("Invalid value") and option is not None and option[1] in arguments[:-1]:
        value = arguments[arguments.index(option[1]) + 1]
        message += "" if f"'{value}'" in message else f"; got '{value}'"
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "nccli"
    return f"{message}. Try '{command} --help'"


def _open_streams() -> None:
    """Give streams that were closed before the start a place to go: the next file opened would take theirs."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _refuse_database() -> int:
    """The exit code where stdout goes into an SQLite database, as after `>> nccli.db`; 0 elsewhere."""
    if not S_ISREG(os.fstat(1).st_mode):
        return 0
    from nccli.store_files import may_be_database

    if not may_be_database(Path("/dev/stdout")):
        return 0
    return _fail("stdout is an SQLite database: redirect it into another file", InputError.exit_code)


def _fail(message: str, code: int) -> int:
    if message:
        lines = (line if len(line) <= _LONGEST else f"{line[:_KEPT]} … {line[-_KEPT:]}" for line in message.split("\n"))
        warn("\n".join(lines))
    return code


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    sys.exit(TerminatedRunError.exit_code)


def _closed_pipe() -> int:
    """The exit code where nobody reads the output any more."""
    _drop_output()
    return _CLOSED_PIPE


def _drop_output() -> None:
    """Let the interpreter's last flush go nowhere instead of complaining."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
