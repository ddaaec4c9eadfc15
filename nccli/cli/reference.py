"""The command reference of the README, made from the app: `python -m nccli.cli.reference README.md [--check]`."""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

from nccli.cli.entry import run

BEGIN, END = "<!-- reference: begin (python -m nccli.cli.reference README.md) -->", "<!-- reference: end -->"


def reference() -> str:
    """The help of every command, as Markdown that unfolds."""
    return "\n".join(
        f"<details>\n<summary><code>nccli {' '.join(path)}</code></summary>\n\n```text\n{text}\n```\n\n</details>\n"
        for path, text in _commands()
    )


def with_reference(text: str) -> str:
    """A text with the part between BEGIN and END made anew.

    Raises:
        ValueError: it has no such part.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no '{BEGIN}' … '{END}'")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _commands(path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every command that is no group, and its help, in the order of the help texts."""
    text = _help(path)
    _, _, listed = text.partition("\nCommands:\n")
    names = re.findall(r"^  (\S+)", listed, re.MULTILINE)
    if not names:
        yield path, text
    for name in names:
        yield from _commands((*path, name))


def _help(path: tuple[str, ...]) -> str:
    """The help of a command, as in a pipe, whatever the terminal."""
    out, columns = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with redirect_stdout(out):
            run([*path, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if columns is not None:
            os.environ["COLUMNS"] = columns
    return out.getvalue().strip()


def main(arguments: list[str]) -> int:
    """Write the reference into a file, or with --check say whether it is up to date."""
    path = Path(arguments[0])
    old = path.read_text(encoding="utf-8")
    new = with_reference(old)
    if "--check" in arguments:
        if new != old:
            print(f"{path}: the command reference is stale: python -m nccli.cli.reference {path}", file=sys.stderr)
        return int(new != old)
    path.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
