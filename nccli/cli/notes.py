"""Everything that is not data: notes and warnings on stderr."""

import sys


def note(text: str, quiet: bool) -> None:
    """Say something the user should know, in one line, unless asked to be quiet."""
    if not quiet:
        print(f"note: {text}", file=sys.stderr)


def warn(text: str) -> None:
    """Say that something went wrong while the rest goes on; not silenced by --quiet."""
    print(f"nccli: {text}", file=sys.stderr)
