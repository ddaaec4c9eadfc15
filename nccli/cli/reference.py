"""What the guide has from the code: the command reference, the columns, the metrics, the outcomes, the figures.

`python -m nccli.cli.reference examples/guide [--check]`
"""

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path

from nccli.catalogue.columns import LAYER_COLUMNS, RUN_COLUMNS
from nccli.catalogue.figures import FIGURES
from nccli.catalogue.metrics import METRICS
from nccli.catalogue.outcomes import MEANINGS, Outcome
from nccli.cli.entry import run

_BEGIN, _END = "<!-- {name}: begin (python -m nccli.cli.reference examples/guide) -->", "<!-- {name}: end -->"


def reference() -> str:
    """The help of every command, as Markdown that unfolds."""
    return "\n".join(
        f"<details>\n<summary><code>nccli {' '.join(path)}</code></summary>\n\n```text\n{text}\n```\n\n</details>\n"
        for path, text in _commands()
    )


def columns() -> str:
    """The columns of tables `run` and `layer`, as a Markdown table."""
    rows = [("run", column) for column in RUN_COLUMNS] + [("layer", column) for column in LAYER_COLUMNS]
    lines = [f"| {table} | `{column.name}` | {column.role} | {_cell(column.means)} |" for table, column in rows]
    return "\n".join(["| table | column | role | meaning |", "|---|---|---|---|", *lines]) + "\n"


def metrics() -> str:
    """The metrics of a layer, as a Markdown table."""
    lines = [
        f"| `{metric.name}` | {_cell(metric.of)} | {_cell(metric.means)} | {_cell(metric.source)} |"
        for metric in METRICS
    ]
    return "\n".join(["| metric | of the class means | how to read it | source |", "|---|---|---|---|", *lines]) + "\n"


def outcomes() -> str:
    """What becomes of runs, as a Markdown table."""
    lines = [f"| `{outcome.value}` | {_cell(MEANINGS[outcome])} |" for outcome in Outcome]
    named = lines.index(next(line for line in lines if line.startswith(f"| `{Outcome.LOW_RANK.value}`")))
    lines.insert(named, "| a structure's name | all of them have that structure |")
    return "\n".join(["| outcome, the first that holds | what it says |", "|---|---|", *lines]) + "\n"


def figures() -> str:
    """The figures, as a Markdown table."""
    lines = [f"| `{name}` | {_cell(summary)} |" for name, summary in FIGURES.items()]
    return "\n".join(["| name | shows |", "|---|---|", *lines]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


PARTS: dict[str, Callable[[], str]] = {
    "reference": reference,
    "columns": columns,
    "metrics": metrics,
    "outcomes": outcomes,
    "figures": figures,
}
"""By name what stands between a line that begins and one that ends a part of a page."""


def with_reference(text: str) -> str:
    """A page with those parts that it has made anew.

    Raises:
        ValueError: a part begins and does not end.
    """
    for name in parts_of(text):
        begin, end = _BEGIN.format(name=name), _END.format(name=name)
        before, _, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not ended:
            raise ValueError(f"no '{end}' after '{begin}'")
        text = f"{before}{begin}\n\n{PARTS[name]()}\n{end}{after}"
    return text


def parts_of(text: str) -> list[str]:
    """Names of the parts that a page has."""
    return [name for name in PARTS if _BEGIN.format(name=name) in text]


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
    """Write what comes from the code into a page or the pages of a folder; --check says whether it is stale."""
    place = Path(arguments[0])
    files = sorted(place.glob("*.md")) if place.is_dir() else [place]
    old = {file: text for file in files if parts_of(text := file.read_text(encoding="utf-8"))}
    if not old:
        print(f"{place}: nothing there comes from the code, as pages of examples/guide do", file=sys.stderr)
        return 1
    stale = {file: new for file, text in old.items() if (new := with_reference(text)) != text}
    for file, new in stale.items():
        if "--check" in arguments:
            print(f"{file}: what comes from the code is stale: python -m nccli.cli.reference {place}", file=sys.stderr)
        else:
            file.write_text(new, encoding="utf-8")
    return int("--check" in arguments and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
