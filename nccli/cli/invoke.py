"""A command carried out within another one, or for whoever calls it from Python."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from nccli.errors import InputError


def invoke(arguments: Sequence[str]) -> None:
    """Carry out `nccli ARGUMENTS` in this process, with the streams that it has; what Python does on errors stays.

    Raises:
        NccliError: as the command ends; usage errors are InputError.
    """
    import typer

    from nccli.cli.entry import usage_text
    from nccli.cli.notes import failing_later

    try:
        with failing_later(), _root().make_context("nccli", list(arguments)) as context:
            _root().invoke(context)
    except typer.Exit:
        return
    except typer.TyperException as error:
        raise InputError(usage_text(error, arguments)) from error


@cache
def _root() -> Any:
    """The program, with all its commands."""
    import typer

    from nccli.cli.app import build_app

    return typer.main.get_command(build_app())
