"""A command run inside the test process, as a process of its own would run it: its folder, environment and streams."""

import gc
import io
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from nccli.cli.app import build_app
from nccli.cli.entry import run

_REMEMBERED = ("CC", "HOME", "NCCLI_CACHE", "NCCLI_COMPILER_SECONDS", "XDG_CACHE_HOME")
"""Variables whose values nccli keeps for the life of a process: the compiler, and where compiled code lies."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


def run_in_process(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: bytes
) -> tuple[int, bytes, str]:
    """Run `nccli` and return its exit code, stdout and stderr; the interpreter is left as it was.

    Streams are pipes in UTF-8 without a terminal or a file descriptor. What nccli remembers of the environment is
    forgotten before and after, where the command gets another one than the tests.

    Args:
        command: sys.argv.
        folder: working directory.
        environment: all that is in it.
        stdin: what is in the pipe.
    """
    out, err = _pipe(), _pipe(errors="backslashreplace")
    with ExitStack() as undone:
        undone.enter_context(_streams(_pipe(stdin), out, err))
        undone.enter_context(_place(command, folder, environment))
        undone.enter_context(_interpreter())
        undone.enter_context(one_app())
        code = run(command[1:])
        out.flush()
        err.flush()
    return code, out.buffer.getvalue(), err.buffer.getvalue().decode()  # type: ignore[attr-defined]  # BytesIO


@contextmanager
def one_app() -> Iterator[None]:
    """Commands get the same app, made for a pipe: making it takes longer than most of them."""
    kept = {"nccli.cli.app.build_app": _app, "typer.main.get_command": _command}
    with pytest.MonkeyPatch.context() as patched:
        for name, function in kept.items():
            patched.setattr(name, function)
        yield


_app = cache(build_app)
_command = cache(typer.main.get_command)


def forget() -> None:
    """Empty every cache of nccli: some hold what they found in the environment, as the compiler."""
    for module in _ours():
        for value in list(vars(module).values()):
            if callable(clear := getattr(value, "cache_clear", None)):
                clear()


def _ours() -> list[ModuleType]:
    return [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "nccli"]


def _pipe(content: bytes = b"", errors: str = "surrogateescape") -> io.TextIOWrapper:
    """A stream with the errors that Python chooses in a UTF-8 locale."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors=errors)


@contextmanager
def _streams(stdin: io.TextIOWrapper, out: io.TextIOWrapper, err: io.TextIOWrapper) -> Iterator[None]:
    """Also the originals: the width of a terminal is asked of these."""
    given = {"stdin": stdin, "stdout": out, "stderr": err, "__stdin__": stdin, "__stdout__": out, "__stderr__": err}
    before = {name: getattr(sys, name) for name in given}
    for name, stream in given.items():
        setattr(sys, name, stream)
    try:
        yield
    finally:
        for name, stream in before.items():
            setattr(sys, name, stream)


@contextmanager
def _place(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Arguments, working directory and environment; modules that the command found in its folder are forgotten."""
    argv, cwd, variables, path = sys.argv, Path.cwd(), dict(os.environ), list(sys.path)
    modules = set(sys.modules)
    other = any(variables.get(name) != environment.get(name) for name in _REMEMBERED)
    sys.argv = list(command)
    os.chdir(folder)
    _set_environment(environment)
    if other:
        forget()
    try:
        yield
    finally:
        if other:
            forget()
        _set_environment(variables)
        os.chdir(cwd)
        sys.argv, sys.path[:] = argv, path
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and Path(file).is_relative_to(folder):
                del sys.modules[name]


def _set_environment(wanted: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


@contextmanager
def _interpreter() -> Iterator[None]:
    """Signals, the search for cycles, hooks and warnings: a user sees those that Python shows by itself."""
    handlers = {each: signal.getsignal(each) for each in _SIGNALS}
    threshold, hook, dont_write = gc.get_threshold(), sys.excepthook, sys.dont_write_bytecode
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        warnings.showwarning = _show
        sys.dont_write_bytecode = True  # a module of the folder may be rewritten within a second
        try:
            yield
        finally:
            sys.excepthook, sys.dont_write_bytecode = hook, dont_write
            gc.set_threshold(*threshold)
            for each, handler in handlers.items():
                signal.signal(each, handler)


def _show(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: str | None = None) -> None:
    print(warnings.formatwarning(message, category, filename, lineno, line), end="", file=file or sys.stderr)
