"""The command line: parsing and printing, nothing else. One module a command."""

from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run `nccli` with the arguments of the process and exit; Ctrl-C is quiet from the first import on."""
    try:
        from nccli.cli.collector import collect_seldom

        collect_seldom()
        from nccli.cli.entry import main as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
