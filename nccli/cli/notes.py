"""Everything that is not data: notes and warnings on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nccli.errors import NccliError
from nccli.printable import printable

_LATER: ContextVar[list[NccliError]] = ContextVar("later")
_HEARD: ContextVar[list[str] | None] = ContextVar("heard", default=None)


def note(text: str, quiet: bool) -> None:
    """Say something the user should know, in one line, unless asked to be quiet."""
    if not quiet:
        say(f"note: {text}")


def warn(text: str) -> None:
    """Say that something went wrong while the rest goes on; not silenced by --quiet. In `warnings_heard`, keep it."""
    heard = _HEARD.get()
    if heard is None:
        say(f"nccli: {text}")
    else:
        heard.append(printable(text, kept="\n\t"))


@contextmanager
def warnings_heard() -> Iterator[list[str]]:
    """Let whoever runs a command within have what it would warn of."""
    heard: list[str] = []
    token = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(token)


def say(text: str) -> None:
    """A line or more on stderr; what is no character stays unseen and does nothing to the terminal."""
    print(printable(text, kept="\n\t"), file=sys.stderr)


@contextmanager
def failing_later() -> Iterator[None]:
    """Raise at the end what `fail_later` was given first, unless something else ends the command."""
    later: list[NccliError] = []
    token = _LATER.set(later)
    try:
        yield
    finally:
        _LATER.reset(token)
    if later:
        raise later[0]


def fail_later(error: NccliError) -> None:
    """Let a command show what it can, and end with this error."""
    _LATER.get().append(error)


@contextmanager
def placed(label: str) -> Iterator[None]:
    """Let errors inside begin with the place that they are about."""
    try:
        yield
    except NccliError as error:
        error.args = (f"{label}: {error}" if str(error) else label,)
        raise
