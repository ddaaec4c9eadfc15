"""How runs look in a table, wherever runs are printed."""

from collections.abc import Callable, Sequence

from nccli.cli.output import Column, Record, number, plain, ranks_text, ratio
from nccli.store import largest_dnc1


def hidden_ranks(record: Record) -> list[int]:
    """Ranks of the class means by layer, stage post, of a full record."""
    return [layer["rank"] for layer in record["layers"] if layer["stage"] == "post"]


def _dnc1(record: Record) -> str:
    value = largest_dnc1(record["layers"])
    return "" if value is None else f"{value:.0e}" if value else "0"


def _once_known(show: Callable[[Record], str]) -> Callable[[Record], str]:
    """Nothing for a run that has no result yet: in training, or given up before there was one."""
    return lambda record: (
        "" if record["status"] in ("running", "interrupted") and not record["layers"] else show(record)
    )


_ROUNDING = 1e-12

RUN_COLUMNS: Sequence[Column] = (
    Column("id", plain("id"), left=True),
    Column("kind", plain("kind"), left=True),
    Column("status", plain("status"), left=True),
    Column("K", plain("K")),
    Column("L", plain("L")),
    Column("n", plain("n")),
    Column("d", plain("width")),
    Column("λ", number("wd")),
    Column("lr", number("lr")),
    Column("seed", plain("seed")),
    Column("loss", _once_known(number("loss"))),
    Column("/DNC", _once_known(ratio("ratio_dnc"))),
    Column("/SRG", _once_known(ratio("ratio_srg"))),
    Column("ranks", lambda record: ranks_text(hidden_ranks(record))),
    Column("DNC1", _dnc1),
    Column("acc.", number("train_accuracy", 4)),
)


def _leading(record: Record) -> str:
    """The first ten singular values, those that are rounding as 0."""
    values = [float(value) for value in record["singular_values"]]
    shown = [value if value > _ROUNDING * values[0] else 0.0 for value in values[:10]]
    return " ".join(f"{value:.3g}" for value in shown) + (" …" if len(values) > 10 else "")


LAYER_COLUMNS: Sequence[Column] = (
    Column("layer", plain("layer")),
    Column("stage", plain("stage"), left=True),
    Column("rank", plain("rank")),
    Column("eff. rank", number("effective_rank")),
    Column("stable rank", number("stable_rank")),
    Column("DNC1", number("dnc1", 3)),
    Column("DNC2", number("dnc2", 3)),
    Column("DNC3", number("dnc3", 3)),
    Column("singular values", _leading, left=True),
)
