"""What is averaged over runs: loss, ratios, rank; and what is true of each, as 0 or 1."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, FromClause, and_, case, cast, func, null, select

from nccli.catalogue.outcomes import Outcome
from nccli.metrics import RANK_RTOL
from nccli.store.query.columns import column_expression
from nccli.store.query.comparison import BELOW, DNC1_HOLDS
from nccli.store.query.ranks import counts, is_hidden
from nccli.store.query.selection import Selection, is_degenerate, is_unsettled
from nccli.store.schema.tables import RUN, SINGULAR_VALUE

QUANTITIES = ("loss", "ratio_dnc", "ratio_srg", "mean_rank")
SHARES = ("below_dnc", "ranks_agree", "dnc", "dnc1_holds")
_VALUE = SINGULAR_VALUE.c


def measured(
    connection: Connection, selection: Selection, columns: Sequence[str], rank_rtol: float, whole: bool = False
) -> Any:
    """A row a run: columns as `key_0`, …, quantities, flags as 0, 1 or NULL; `degenerate`, `unsettled` as 0 or 1.

    Quantities of runs that did not learn their classes (`nccli.catalogue.outcomes.DEGENERATE`) are NULL, and so is
    whether their ranks agree and DNC1 holds; but not with `whole`.
    """
    labelled = [column_expression(column).label(f"key_{i}") for i, column in enumerate(columns)]
    wanted = selection.condition(connection)
    rank, agree = cast(RUN.c.mean_hidden_rank, Double), RUN.c.ranks_agree
    source: FromClause = RUN
    if rank_rtol != RANK_RTOL:
        counted = _ranks(wanted, rank_rtol)
        source = source.outerjoin(counted, counted.c.run_id == RUN.c.id)
        rank, agree = counted.c.mean_rank, counted.c.agree
    loss, degenerate = cast(RUN.c.loss, Double), is_degenerate()

    def learned(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return value if whole else case((degenerate, null()), else_=value)

    quantities = map(learned, (loss, loss / RUN.c.loss_dnc, loss / RUN.c.loss_srg, rank))
    flags = (
        case((RUN.c.loss_dnc.is_(None), None), (loss < BELOW * RUN.c.loss_dnc, 1), else_=0),
        learned(agree),
        case((RUN.c.structure.is_(None), None), (RUN.c.outcome == Outcome.DNC.value, 1), else_=0),
        learned(case((RUN.c.max_dnc1.is_(None), None), (RUN.c.max_dnc1 <= DNC1_HOLDS, 1), else_=0)),
    )
    named = [each.label(name) for each, name in zip((*quantities, *flags), (*QUANTITIES, *SHARES), strict=True)]
    missing = [
        case((and_(RUN.c.loss.is_(None), reference.is_not(None)), 1), else_=0).label(f"{name}_nan")
        for name, reference in (("dnc", RUN.c.loss_dnc), ("srg", RUN.c.loss_srg))
    ]
    left_out = case((degenerate, 0 if whole else 1), else_=0).label("degenerate")
    unsettled = case((is_unsettled(), 1), else_=0).label("unsettled")
    return select(*labelled, *named, *missing, left_out, unsettled).select_from(source).where(wanted).subquery()


def select_hidden_ranks(connection: Connection, selection: Selection, rank_rtol: float) -> dict[str, float]:
    """Mean rank of the hidden layers at a tolerance, of the selected runs that have layers, from their spectra."""
    counted = _ranks(selection.condition(connection), rank_rtol)
    return {row[0]: row[1] for row in connection.execute(select(counted.c.run_id, counted.c.mean_rank))}


def _ranks(wanted: ColumnElement[bool], rank_rtol: float) -> Any:
    """Mean rank of the hidden layers, and whether they agree, at a tolerance."""
    chosen = select(RUN.c.id, RUN.c.L).where(wanted).subquery()
    hidden = is_hidden(_VALUE.layer, _VALUE.stage, chosen.c.L)
    stage = (_VALUE.run_id, _VALUE.layer, _VALUE.stage)
    top = func.max(_VALUE.value).over(partition_by=stage).label("top")
    values = select(*stage, _VALUE.value, top).join(chosen, chosen.c.id == _VALUE.run_id).where(hidden).subquery()
    rank = func.sum(case((counts(values.c.value, values.c.top, rank_rtol), 1), else_=0)).label("rank")
    by_layer = select(values.c.run_id, rank).group_by(values.c.run_id, values.c.layer).subquery()
    mean = func.avg(cast(by_layer.c.rank, Double)).label("mean_rank")
    agree = case((func.min(by_layer.c.rank) == func.max(by_layer.c.rank), 1), else_=0).label("agree")
    return select(by_layer.c.run_id, mean, agree).group_by(by_layer.c.run_id).subquery()
