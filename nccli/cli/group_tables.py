"""What `nccli compare` says of groups of runs: means, outcomes, paired differences."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nccli.catalogue.runs import Finish
from nccli.cli.notes import note
from nccli.cli.options import OutputFormat
from nccli.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nccli.cli.output import Column, Record
    from nccli.store import Selection

ENDED = "kind in (dufm, e2e) and status in (converged, stopped, diverged)"
"""Trained runs whose outcomes are counted where none are asked about: those that diverged too."""

_FINISH, _OBJECTIVE = "finish", "objective"

_DECIMALS = ("wd", "wd_h1", "lr")
_SAID = {"loss": "loss", "ratio_dnc": "loss/DNC", "ratio_srg": "loss/SRG", "mean_rank": "mean rank"}


@dataclass(frozen=True)
class Asked:
    """Which runs, in which groups.

    Attributes:
        runs, where, store, quiet: as on the command line.
        group_by: columns, None for one group of all.
        rank_rtol: tolerance of ranks.
        all_runs: whether averages hold runs that did not learn their classes too.
    """

    runs: list[str] | None
    where: str | None
    group_by: str | None
    rank_rtol: float
    store: str | None
    quiet: bool
    all_runs: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that make the groups."""
        from nccli.store import parse_group_by

        return () if self.group_by is None else parse_group_by(self.group_by)

    @contextmanager
    def selected(self, *also: str) -> "Iterator[tuple[Connection, Selection]]":
        """The store and the runs, of which these columns are read beside those of groups."""
        from nccli.cli.selection import selection
        from nccli.metrics import RANK_RTOL
        from nccli.store import MEASURED_COLUMNS

        tables = () if self.rank_rtol == RANK_RTOL else ("singular_value",)
        columns = {*MEASURED_COLUMNS, _OBJECTIVE, *(key.split(".")[0] for key in (*self.keys, *also))}
        asked = (self.store, self.runs, self.where, self.quiet)
        with selection(*asked, tables=tables, columns=columns) as (connection, chosen):
            yield connection, chosen

    @contextmanager
    def grouped(self) -> "Iterator[tuple[Connection, Selection, tuple[str, ...]]]":
        """The store, the runs, and what makes the groups: `finish` and `objective` too where runs differ in them.

        Not where they are asked about.

        Notes say so, and where groups mix settings.
        """
        from nccli.store import mixed_columns

        keys = self.keys
        with self.selected() as (connection, chosen):
            if self.mixes_ends(connection, chosen):
                keys = (*keys, _FINISH)
                what = "groups are of one finish each, plain ends apart from what was made of them"
                note(f"{what}: --where finish=plain has the plain ones alone", self.quiet)
            if self.mixes_objectives(connection, chosen):
                keys = (*keys, _OBJECTIVE)
                note("groups are of one objective each: losses of several are never averaged", self.quiet)
            yield connection, chosen, keys
            mixed = mixed_columns(connection, chosen, keys) if self.keys else []
        if mixed:
            what = f"groups mix runs of different {', '.join(mixed)}"
            note(f"{what}: name them in --group-by, or narrow with --where", self.quiet)

    def mixes_ends(self, connection: "Connection", chosen: "Selection") -> bool:
        """Whether the runs are of several ends, and neither --group-by nor --where says which are meant."""
        from nccli.store import columns_of, count_finishes

        said = _FINISH in self.keys or _FINISH in columns_of(chosen.where)
        return not said and len(count_finishes(connection, chosen)) > 1

    def mixes_objectives(self, connection: "Connection", chosen: "Selection") -> bool:
        """Whether the runs are held to several objectives, and --group-by does not tell them apart."""
        from nccli.store import objectives_of

        return _OBJECTIVE not in self.keys and len(objectives_of(connection, chosen)) > 1

    def note_left_out(self, connection: "Connection", chosen: "Selection") -> None:
        """Say how many runs averages leave out."""
        from nccli.store import count_degenerate

        found = {} if self.all_runs else count_degenerate(connection, chosen)
        if found:
            told = ", ".join(f"{runs} {outcome}" for outcome, runs in found.items())
            note(f"{sum(found.values())} runs left out of averages: {told} (--all puts them back)", self.quiet)


def compare_groups(asked: Asked, format: OutputFormat | None) -> None:
    """Means over the runs of each group."""
    from nccli.cli.output import Column, emit, number, plain
    from nccli.store import group_records

    with asked.grouped() as (connection, chosen, keys):
        records = group_records(connection, chosen, keys, asked.rank_rtol, asked.all_runs)
        asked.note_left_out(connection, chosen)
    columns = [
        *_key_columns(keys),
        Column("runs", plain("runs")),
        *_unsettled(records),
        Column("left out", lambda record: str(record["left_out"] or "")),
        Column("loss/DNC", _spread("ratio_dnc", 3)),
        Column("loss/SRG", _spread("ratio_srg", 3)),
        Column("mean rank", _spread("mean_rank", 3)),
        Column("min", number("mean_rank_min", 3)),
        Column("max", number("mean_rank_max", 3)),
        Column("below DNC", _share("share_below_dnc")),
        Column("agree", _share("share_ranks_agree")),
        Column("is DNC", _share("share_dnc")),
    ]
    emit(records, format, OutputFormat.jsonl, columns)


def compare_outcomes(asked: Asked, format: OutputFormat | None) -> None:
    """How many runs of each group came to which outcome."""
    from nccli.cli.output import Column, emit, plain
    from nccli.store import in_order, outcome_records

    with asked.grouped() as (connection, chosen, keys):
        records = outcome_records(connection, chosen, keys)
    names = in_order({name for record in records for name in record["outcomes"]})
    columns = [
        *_key_columns(keys),
        Column("runs", plain("runs")),
        *_unsettled(records),
        *(Column(name, _count(name)) for name in names),
    ]
    emit(records, format, OutputFormat.jsonl, columns)


def compare_pairs(asked: Asked, column: str, format: OutputFormat | None) -> None:
    """The difference of two groups over runs that agree in a column."""
    from nccli.cli.output import Column, emit, number, plain
    from nccli.store import paired_records, require_pairing

    require_pairing(column, asked.keys)
    with asked.selected(column) as (connection, found):
        mixed = column != _FINISH and asked.mixes_ends(connection, found)
        chosen = _plain_ends(connection, found, asked.quiet) if mixed else found
        records = paired_records(connection, chosen, asked.keys, column, asked.rank_rtol, asked.all_runs)
        asked.note_left_out(connection, chosen)
    if not any(record["pairs"] for record in records):
        raise InputError(
            f"--paired {column}: a run of each of the {records[0]['left_out']} pairs is left out; see --all"
        )
    columns = [
        Column("", lambda record: _SAID[record["quantity"]], left=True),
        Column("pairs", plain("pairs")),
        Column("left out", lambda record: str(record["left_out"] or "")),
        *_unsettled(records),
        *(Column(_group_title(records[0][side]), number(f"{side}_mean")) for side in ("first", "second")),
        Column("difference", number("difference")),
        Column("sd", number("sd", 2)),
        Column("95 % interval", _interval),
    ]
    emit(records, format, OutputFormat.jsonl, columns)


def _plain_ends(connection: "Connection", chosen: "Selection", quiet: bool) -> "Selection":
    """The runs that are paired where plain ends and others are there: a seed has one of each."""
    from nccli.store import asking_for, count_finishes

    found = count_finishes(connection, chosen)
    plain = replace(chosen, plain=True)
    others = {name: runs for name, runs in found.items() if name != Finish.PLAIN}
    if not plain.exists(connection):
        return chosen
    counted = ", ".join(f"{runs} {name}" for name, runs in others.items())
    note(f"pairs are of plain ends, without {counted} ({asking_for(others)} pairs these)", quiet)
    return plain


def _unsettled(records: "Sequence[Record]") -> "list[Column]":
    """How many runs or pairs have not settled, where any has."""
    from nccli.cli.output import Column

    if not any(record["unsettled"] for record in records):
        return []
    return [Column("unsettled", lambda record: str(record["unsettled"] or ""))]


def _key_columns(keys: tuple[str, ...]) -> "list[Column]":
    from nccli.cli.output import Column, number, plain

    return [Column("λ" if key == "wd" else key, number(key) if key in _DECIMALS else plain(key)) for key in keys]


def _count(name: str) -> "Callable[[Record], str]":
    return lambda record: str(record["outcomes"].get(name, ""))


def _group_title(group: "Record") -> str:
    """What makes a group: "λ = 0.004"."""
    told = {key: f"{value:.4g}" if key in _DECIMALS and value is not None else value for key, value in group.items()}
    return ", ".join(f"{'λ' if key == 'wd' else key} = {value}" for key, value in told.items())


def _interval(record: "Record") -> str:
    return "" if record["low"] is None else f"{record['low']:.4g} to {record['high']:.4g}"


def _spread(key: str, digits: int = 4) -> "Callable[[Record], str]":
    """Mean ± sd of a quantity of a group; no sd for a single run."""

    def show(record: "Record") -> str:
        mean, sd = record[f"{key}_mean"], record[f"{key}_sd"]
        if mean is None:
            return ""
        return f"{mean:.{digits}g}" + ("" if sd is None else f" ± {sd:.2g}")

    return show


def _share(key: str) -> "Callable[[Record], str]":
    """A share in percent."""

    def show(record: "Record") -> str:
        return "" if record[key] is None else f"{100 * record[key]:.0f} %"

    return show
