"""How runs and their layers look in a table, wherever they are printed: headers and kinds of numbers are declared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nccli.catalogue.columns import BY_NAME, Type
from nccli.catalogue.metrics import METRICS, Family, Metric, Need
from nccli.catalogue.outcomes import Outcome
from nccli.catalogue.runs import ENDED_WELL, Finish, Status
from nccli.cli.distinctions import distinctions
from nccli.cli.output import Column, Record, number, plain, ranks_text, ratio
from nccli.cli.table_fit import ALWAYS
from nccli.store import largest_dnc1


def hidden_ranks(record: Record) -> list[int]:
    """Ranks of the class means by layer, stage post, of a full record."""
    return [layer["rank"] for layer in record["layers"] if layer["stage"] == "post"]


def run_column(name: str, digits: int = 4) -> Column:
    """A column of table `run`: numbers with so many digits, words to the left."""
    declared = BY_NAME[name]
    words, whole = declared.type is Type.TEXT, declared.type in (Type.INTEGER, Type.LONG)
    return Column(declared.title, plain(name) if words or whole else number(name, digits), left=words)


def metric_column(metric: Metric, digits: int | None = None) -> Column:
    """A metric of a layer."""
    return Column(metric.header, plain(metric.name) if metric.whole else number(metric.name, digits or metric.digits))


def _dnc1(record: Record) -> str:
    value = largest_dnc1(record["layers"])
    return "" if value is None else f"{value:.0e}" if value else "0"


def outcome_text(record: Record) -> str:
    """What became of a run: "lost_classes 7/10" with how many classes it kept, "srg r=5" with r of T(r)."""
    outcome = record.get("outcome") or ""
    if outcome in (Outcome.LOST_CLASSES.value, Outcome.MINORITY_COLLAPSE.value):
        return f"{outcome} {record['classes_kept']}/{record['K']}"
    return f"{outcome} r={record['srg_r']}" if outcome == Outcome.SRG.value else outcome


def end_text(record: Record) -> str:
    """Which point a run is: "unsettled", "polished", "refined 3e-07" with its residual, "certified"; "" of the rest."""
    finish = record.get("finish")
    if finish == Finish.REFINED:
        return f"{finish} {record['residual']:.0e}" if record.get("residual") is not None else finish
    if finish in (Finish.POLISHED, Finish.CERTIFIED):
        return str(finish)
    return "unsettled" if record.get("settled") == 0 else ""


_SHORT = max(map(len, Outcome))
"""Characters of an outcome where much stands beside it: those of the longest that is no structure's name."""


def status_text(record: Record) -> str:
    """How a run ended; of polished and refined ones that ended well, which point they are."""
    finished = record.get("finish") not in (None, Finish.PLAIN) and record["status"] in ENDED_WELL
    return end_text(record) if finished else str(record["status"])


def _short_outcome(record: Record) -> str:
    """With a question mark where it may change: of a descent that has not settled, or is not known to have."""
    outcome = record.get("outcome") or ""
    short = outcome if len(outcome) <= _SHORT else outcome[: _SHORT - 1] + "…"
    descent = record.get("finish") == Finish.PLAIN and record["status"] in ENDED_WELL
    return f"{short}?" if short and descent and record.get("settled") != 1 else short


def _once_known(column: Column) -> Column:
    """Nothing for a run that has no result yet: in training, or given up before there was one."""
    unknown = (Status.RUNNING.value, Status.INTERRUPTED.value)

    def show(record: Record) -> str:
        return "" if record["status"] in unknown and not record["layers"] else column.value(record)

    return replace(column, value=show)


_IMPORTANCE = {
    **{"id": ALWAYS, "layer": ALWAYS, "l": ALWAYS, "stage": ALWAYS},
    **{"loss": 95, "ranks": 92, "outcome": 91, "K": 90, "λ": 88, "L": 85, "seed": 80, "/DNC": 75, "width": 70},
    **{"structure": 65, "rank": 64, "status": 60, "end": 60, "accuracy": 58, "DNC1": 55, "/best": 52, "/SRG": 50},
    **{"kind": 45, "n": 40, "lr": 35, "tag": 30, "singular values": 20},
}
"""By header, on a terminal that is too narrow for all columns: a taste, what became of runs and what tells them apart
before how they were made."""


def weighed(columns: Iterable[Column]) -> list[Column]:
    """Columns with their importance."""
    return [replace(each, importance=_IMPORTANCE.get(each.header, each.importance)) for each in columns]


RUN_COLUMNS: Sequence[Column] = weighed(
    (
        *(run_column(name) for name in ("id", "kind")),
        Column("status", status_text, left=True),
        *(run_column(name) for name in ("K", "L", "n", "width", "wd", "lr", "seed")),
        _once_known(run_column("loss")),
        _once_known(Column("/DNC", ratio("ratio_dnc"))),
        _once_known(Column("/SRG", ratio("ratio_srg"))),
        Column("ranks", lambda record: ranks_text(hidden_ranks(record))),
        Column("DNC1", _dnc1),
        run_column("train_accuracy"),
        Column("outcome", _short_outcome, left=True),
        run_column("tag"),
    )
)

SHOWN = ("kind", "K", "L", "n", "width", "wd", "lr", "seed", "polish", "refine", "until")
"""Options that `RUN_COLUMNS` shows, the last three by the end."""


def run_columns(runs: Iterable[Mapping[str, Any]]) -> list[Column]:
    """`RUN_COLUMNS`, and after the options what else tells these runs apart; rows or records, read once."""
    place = [column.header for column in RUN_COLUMNS].index(BY_NAME["seed"].title) + 1
    return weighed([*RUN_COLUMNS[:place], *distinctions(runs, SHOWN), *RUN_COLUMNS[place:]])


_ROUNDING = 1e-12
"""Of the largest: what float64 leaves of a zero singular value, with room for the sizes of our matrices."""


def _leading(record: Record) -> str:
    """The first ten singular values, those that are rounding as 0."""
    values = [float(value) for value in record["singular_values"]]
    shown = [value if value > _ROUNDING * values[0] else 0.0 for value in values[:10]]
    return " ".join(f"{value:.3g}" for value in shown) + (" …" if len(values) > 10 else "")


_STRUCTURE = (Column("distance", number("structure_distance", 2)), Column("structure", plain("structure"), left=True))
_RANKS_FIRST = sorted(METRICS, key=lambda metric: metric.needs not in ((Need.SPECTRUM,), (Need.CENTRED_SPECTRUM,)))
_STAGE = (Column("layer", plain("layer")), Column("stage", plain("stage"), left=True))

LAYER_COLUMNS: Sequence[Column] = weighed(
    (
        *_STAGE,
        *(metric_column(metric, 3) for metric in _RANKS_FIRST if metric.family is Family.LAYER and metric.recorded),
        *_STRUCTURE,
        Column("singular values", _leading, left=True),
    )
)
"""Of `runs show`."""

_CHECKPOINT = tuple(run_column(name) for name in ("series", "step", "split"))

MEASURED_COLUMNS: Sequence[Column] = (
    run_column("id"),
    Column("l", plain("layer")),
    Column("stage", plain("stage"), left=True),
    Column("name", plain("name"), left=True),
    *(metric_column(metric) for metric in _RANKS_FIRST if metric.measured),
    *_STRUCTURE,
)
"""Of `nccli measure`."""


def measured_columns(records: Sequence[Record]) -> list[Column]:
    """`MEASURED_COLUMNS`, and after the id what tells checkpoints apart, where there are some."""
    there = [column for column in _CHECKPOINT if len({column.value(record) for record in records}) > 1]
    return weighed([MEASURED_COLUMNS[0], *there, *MEASURED_COLUMNS[1:]])
