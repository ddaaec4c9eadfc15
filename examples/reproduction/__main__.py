"""Judge the paper's claims by the runs of a store: `python examples/reproduction [STORE] [--write | --check]`."""

import argparse
import sys
from pathlib import Path

from page import read_page, table, with_table

from nccli.errors import NccliError

_EXAMPLES = Path(__file__).parents[1]
_STORE, _PAGE = _EXAMPLES / "paper.db", _EXAMPLES / "REPRODUCTION.md"


def main(arguments: list[str]) -> int:
    """Print the table, or put it into the page, or say whether the page has it. Returns the exit code."""
    parser = argparse.ArgumentParser("python examples/reproduction", description=__doc__)
    parser.add_argument("store", nargs="?", default=str(_STORE), help="path or URL [default: %(default)s]")
    parser.add_argument("--page", type=Path, default=_PAGE, help="[default: %(default)s]")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="rewrite the table of the page")
    what.add_argument("--check", action="store_true", help="exit with 1 if the page has another table")
    asked = parser.parse_args(arguments)
    try:
        found = table(asked.store, "examples/paper.db")
        if not (asked.write or asked.check):
            print(found)
            return 0
        page = read_page(asked.page)
        wanted = with_table(page, found)
    except (NccliError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if asked.write:
        asked.page.write_text(wanted, encoding="utf-8")
    elif wanted != page:
        told = zip(page.splitlines(), wanted.splitlines(), strict=False)
        line, (there, here) = next((i, pair) for i, pair in enumerate(told, 1) if pair[0] != pair[1])
        print(f"{asked.page}, line {line}, is\n  {there}\nand the store says\n  {here}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
