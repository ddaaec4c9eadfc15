"""The table of examples/REPRODUCTION.md, between its marks."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import appendix
import closed_forms
import dufm
import networks
from claim import Claim, Verdict

import nccli

CLAIMS: Sequence[Claim] = (*closed_forms.CLAIMS, *dufm.CLAIMS, *appendix.CLAIMS, *networks.CLAIMS)

_BEGIN, _END = "<!-- table: python examples/reproduction -->", "<!-- end of the table -->"
_CLOSED_FORMS = "--theory --K 4..45 --L 3,4,5,7 --wd 1e-6..1e-2:5 --n 1"
_HEADER = ("", "section", "the paper says", "we agree if", "ours", "verdict", "runs")


def table(store: str, shown_as: str) -> str:
    """The rows, the verdicts counted, and the query of each row.

    Args:
        store: path or URL.
        shown_as: what the commands call it.

    Raises:
        nccli.errors.NccliError: as `nccli.frame`.
    """
    judged = [(claim, *claim.judged(store)) for claim in CLAIMS]
    counted = Counter(verdict for _, verdict, _ in judged)
    rows = [
        (str(i), claim.section, claim.says, claim.criterion, ours, f"**{verdict}**", ", ".join(_made_by(claim)))
        for i, (claim, verdict, ours) in enumerate(judged, 1)
    ]
    return "\n".join(
        [
            f"Of {len(judged)} claims: {', '.join(f'{counted[each]} {each}' for each in Verdict)}.",
            _provenance(store),
            "",
            *(_line(row) for row in (_HEADER, ("---",) * len(_HEADER), *rows)),
            "",
            "The runs of a row, by its number:",
            "",
            "```sh",
            *_queries(shown_as),
            "```",
        ]
    )


def with_table(text: str, inside: str) -> str:
    """A page with this table in the place of its own.

    Raises:
        ValueError: it has no place for one.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"there is no place for the table: lines '{_BEGIN}' and '{_END}'")
    return f"{before}{begin}\n{inside}\n{end}{after}"


def read_page(path: Path) -> str:
    """The page as it is."""
    return path.read_text(encoding="utf-8")


def _made_by(claim: Claim) -> Sequence[str]:
    return [f"`{entry}`" for entry in claim.entries] or ["closed form"]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _queries(store: str) -> Iterator[str]:
    """A line a query, with the numbers of the rows that ask it."""
    rows: dict[str, list[str]] = {}
    for i, claim in enumerate(CLAIMS, 1):
        rows.setdefault(claim.where, []).append(str(i))
    for where, numbers in rows.items():
        asked = f"--store {shlex.quote(store)} --where {shlex.quote(where)}" if where else _CLOSED_FORMS
        yield f"nccli compare {asked} # {', '.join(numbers)}"


def _provenance(store: str) -> str:
    """Which programs made the runs, and when."""
    runs = nccli.frame(store=store, columns=("kind", "nccli_version", "torch_version", "device", "created"))
    versions = ", ".join(sorted(runs.nccli_version.astype(str).unique()))
    first, last = runs.created.min().date(), runs.created.max().date()
    return f"{len(runs)} runs, made by nccli {versions} on {' and '.join(sorted(set(runs.device)))}, {first} to {last}."
