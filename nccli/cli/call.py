"""A command run from Python: its records as values, its errors as exceptions, nothing on stdout."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nccli.cli.arguments import arguments, command_path, commands
from nccli.cli.invoke import invoke
from nccli.cli.notes import failing_later, warnings_heard
from nccli.cli.output import collected
from nccli.errors import InputError, InterruptedRunError, SomeRunsFailedError, SomeRunsFailedWarning, TerminatedRunError

if TYPE_CHECKING:
    from typer.core import TyperArgument, TyperOption

Records = list[dict[str, Any]]

_OF_THE_SHELL = ("format",)
"""Options that say how records are printed."""


def call(command: str, options: Mapping[str, Any], level: int) -> Records:
    """Run a command and return the records that it would print.

    Runs that diverged are among them; what else went wrong with some runs is a warning too.

    Args:
        command: its name.
        options: as `nccli.cli.arguments.arguments` takes them.
        level: how many calls above this one warnings point to.

    Raises:
        NccliError: as the command; an error of usage is an `InputError`.
        KeyboardInterrupt: Ctrl-C; what there was is stored.
    """
    for name in _OF_THE_SHELL:
        if name in options:
            raise InputError(f"{command} has no option '{name}' in Python: it returns records")
    line = [*arguments(command, options), "--format", "json"]
    with collected() as records, warned(level, lambda: bool(records)):
        invoke(line)
    return [dict(record) for record in records]


@contextmanager
def warned(level: int, some: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Turn what a command warns of into Python's warnings, and Ctrl-C into KeyboardInterrupt.

    Args:
        level: how many calls above the one that uses this warnings point to.
        some: asked at the end whether there is something to return although some runs failed.

    Raises:
        KeyboardInterrupt: instead of an `InterruptedRunError`, which is its cause.
        SomeRunsFailedError: there is nothing to return.
    """
    with warnings_heard() as heard:
        try:
            with failing_later():
                yield
        except TerminatedRunError:
            raise
        except InterruptedRunError as error:
            raise KeyboardInterrupt(str(error)) from error
        except SomeRunsFailedError as error:
            if not some():
                raise SomeRunsFailedError("\n".join([*heard, str(error)])) from error
            heard.append(str(error))
    for text in heard:
        warnings.warn(text, SomeRunsFailedWarning, stacklevel=level + 3)


def described(command: str) -> "tuple[str, list[TyperOption | TyperArgument]]":
    """What a command does, in its own words, and what it takes from Python, in its order."""
    found = commands()[" ".join(command_path(command))]
    taken = [each for each in found.params if each.name not in _OF_THE_SHELL]
    return str(found.help), taken  # type: ignore[return-value]  # parameters of Typer's own classes
