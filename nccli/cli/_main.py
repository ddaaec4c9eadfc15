"""Entry point: runs the app and turns every way to end into its exit code (design sheet, section 2)."""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from nccli.errors import InterruptedRunError, NccliError, TerminatedRunError

_CLOSED_PIPE = 141


def main() -> NoReturn:
    """Run `nccli` with the arguments of the process and exit."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _closed_pipe()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run `nccli` with the given arguments and return the exit code; errors go to stderr in one or two lines."""
    try:
        signal.signal(signal.SIGTERM, _terminate)
        import typer

        from nccli.cli._app import build_app

        try:
            return int(build_app()(list(arguments), standalone_mode=False, prog_name="nccli") or 0)
        except typer.Abort:
            return InterruptedRunError.exit_code
        except typer.TyperException as error:
            context = getattr(error, "ctx", None)
            command = context.command_path if context is not None else "nccli"
            message = error.format_message().rstrip(".")
            return _fail(f"{message}. Try '{command} --help'", error.exit_code)
    except NccliError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return InterruptedRunError.exit_code
    except BrokenPipeError:
        return _closed_pipe()
    except SystemExit as end:
        if isinstance(end.__context__, OSError) and end.__context__.errno == errno.EPIPE:
            return _closed_pipe()
        return end.code if isinstance(end.code, int) else 1
    except Exception as error:
        if os.environ.get("NCCLI_DEBUG"):
            traceback.print_exc()
        return _fail(
            f"internal error, please report it: {type(error).__name__}: {error}\n"
            "NCCLI_DEBUG=1 before the command shows where it happened",
            1,
        )


def _fail(message: str, code: int) -> int:
    if message:
        print(f"nccli: {message}", file=sys.stderr)
    return code


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    sys.exit(TerminatedRunError.exit_code)


def _closed_pipe() -> int:
    """Let the interpreter's last flush go nowhere instead of complaining."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _CLOSED_PIPE
