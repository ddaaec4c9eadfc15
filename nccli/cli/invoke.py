"""A command carried out within another one."""

from collections.abc import Sequence

from nccli.errors import InputError, InterruptedRunError


def invoke(arguments: Sequence[str]) -> None:
    """Carry out `nccli ARGUMENTS` in this process, with the streams that it has.

    Raises:
        NccliError: as the command ends; usage errors are InputError.
    """
    import typer

    from nccli.cli.app import build_app
    from nccli.cli.entry import usage_text
    from nccli.cli.notes import failing_later

    try:
        with failing_later():
            build_app()(list(arguments), standalone_mode=False, prog_name="nccli")
    except typer.Abort:
        raise InterruptedRunError("") from None
    except typer.TyperException as error:
        raise InputError(usage_text(error, arguments)) from error
