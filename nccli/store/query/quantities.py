"""What is averaged over runs: loss, ratios, rank; and what is true of each, as 0 or 1.

The database gives columns, and arrays make the rest of them: measured, with a million runs in SQLite, in a third of the
time that its own expressions and windows take.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from sqlalchemy import ColumnElement, Connection, Double, FromClause, Select, case, cast, func, select

from nccli.catalogue.outcomes import Outcome
from nccli.metrics import RANK_RTOL
from nccli.store.query.columns import is_decimal, meant, stored_expression
from nccli.store.query.comparison import BELOW, DNC1_HOLDS
from nccli.store.query.ranks import counts, is_hidden
from nccli.store.query.select import each_row
from nccli.store.query.selection import Selection, is_degenerate, is_unsettled
from nccli.store.query.survey import Survey
from nccli.store.schema.tables import RUN, SINGULAR_VALUE

QUANTITIES = ("loss", "ratio_dnc", "ratio_srg", "mean_rank")
SHARES = ("below_dnc", "ranks_agree", "dnc", "dnc1_holds")
MEASURED_COLUMNS = (
    *("loss", "loss_dnc", "loss_srg", "mean_hidden_rank", "ranks_agree", "max_dnc1"),
    *("structure", "outcome", "kind", "settled"),
)
"""Of table `run`: what these come from."""

_VALUE = SINGULAR_VALUE.c


_AT_ONCE = 50_000
"""Rows that are made into arrays at a time: some 10 MB."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Quantities of runs, and the groups that they are in.

    Attributes:
        keys: values of the columns that make the groups, by group; decimals to 15 digits.
        group: number of each run's group.
        quantities: `QUANTITIES` of each run, nan where it has none or did not learn its classes.
        shares: `SHARES` of each run, 0 or 1, and nan where that cannot be said.
        not_numbers: by ratio, runs of which it would be, were their loss not nan.
        degenerate: runs that are left out of averages, as they did not learn their classes.
        unsettled: runs of which it is known that they have not settled.
    """

    keys: Sequence[tuple[Any, ...]]
    group: Int[np.ndarray, " runs"]
    quantities: Mapping[str, Float[np.ndarray, " runs"]]
    shares: Mapping[str, Float[np.ndarray, " runs"]]
    not_numbers: Mapping[str, Bool[np.ndarray, " runs"]]
    degenerate: Bool[np.ndarray, " runs"]
    unsettled: Bool[np.ndarray, " runs"]


def measured(
    connection: Connection, selection: Selection, columns: Sequence[str], rank_rtol: float, whole: bool = False
) -> Measured:
    """What is averaged over runs, by groups of equal columns.

    Quantities of runs that did not learn their classes (`nccli.catalogue.outcomes.DEGENERATE`) are nan, and so is
    whether their ranks agree and DNC1 holds; but not with `whole`.
    """
    groups: dict[tuple[Any, ...], int] = {}
    survey = selection.surveyed((*MEASURED_COLUMNS, *columns)) if rank_rtol == RANK_RTOL else None
    if survey is not None:
        group, found = _surveyed(survey, columns, groups)
    else:
        group, found = _arrays(connection, _query(selection.condition(connection), columns, rank_rtol), columns, groups)
    loss, loss_dnc, loss_srg, rank, agree, dnc, max_dnc1, degenerate, unsettled = found
    left_out = np.zeros(len(group), dtype=bool) if whole else degenerate == 1

    def learned(values: Float[np.ndarray, " runs"]) -> Float[np.ndarray, " runs"]:
        return np.where(left_out, np.nan, values)

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quantities = (loss, loss / loss_dnc, loss / loss_srg, rank)
        below = np.where(np.isnan(loss_dnc), np.nan, loss < BELOW * loss_dnc)
        holds = np.where(np.isnan(max_dnc1), np.nan, max_dnc1 <= DNC1_HOLDS)
    shares = (below, learned(agree), dnc, learned(holds))
    return Measured(
        list(groups),
        group,
        dict(zip(QUANTITIES, map(learned, quantities), strict=True)),
        dict(zip(SHARES, shares, strict=True)),
        {"ratio_dnc": np.isnan(loss) & ~np.isnan(loss_dnc), "ratio_srg": np.isnan(loss) & ~np.isnan(loss_srg)},
        left_out,
        unsettled == 1,
    )


def _surveyed(
    survey: Survey, columns: Sequence[str], groups: dict[tuple[Any, ...], int]
) -> tuple[Int[np.ndarray, " runs"], Float[np.ndarray, "numbers runs"]]:
    """As `_arrays`, of columns that were read."""
    stored, code = survey.groups(columns)
    rounded = [is_decimal(column) for column in columns]
    number = [groups.setdefault(meant(key, rounded), len(groups)) for key in stored]
    outcome, structure = survey.texts["outcome"], survey.texts["structure"]
    dnc = np.where(structure.among((None,)), np.nan, outcome.among((Outcome.DNC.value,)))
    numbers = [survey.number(name) for name in ("loss", "loss_dnc", "loss_srg", "mean_hidden_rank", "ranks_agree")]
    flags = (survey.degenerate, survey.unsettled)
    return np.array(number, dtype=np.int64)[code], np.array([*numbers, dnc, survey.number("max_dnc1"), *flags])


def _query(wanted: ColumnElement[bool], columns: Sequence[str], rank_rtol: float) -> Select[Any]:
    """Rows of runs: columns that make groups, then the numbers that `measured` starts from."""
    rank, agree = RUN.c.mean_hidden_rank, RUN.c.ranks_agree
    source: FromClause = RUN
    if rank_rtol != RANK_RTOL:
        counted = _ranks(wanted, rank_rtol)
        source = source.outerjoin(counted, counted.c.run_id == RUN.c.id)
        rank, agree = counted.c.mean_rank, counted.c.agree
    numbers = (
        *(RUN.c.loss, RUN.c.loss_dnc, RUN.c.loss_srg, rank, agree),
        case((RUN.c.structure.is_(None), None), (RUN.c.outcome == Outcome.DNC.value, 1), else_=0),
        *(RUN.c.max_dnc1, case((is_degenerate(), 1), else_=0), case((is_unsettled(), 1), else_=0)),
    )
    return select(*map(stored_expression, columns), *numbers).select_from(source).where(wanted)


def _arrays(
    connection: Connection, query: Select[Any], columns: Sequence[str], groups: dict[tuple[Any, ...], int]
) -> tuple[Int[np.ndarray, " runs"], Float[np.ndarray, "numbers runs"]]:
    """The group of each row, and its numbers, NULL as nan; `groups` is filled."""
    rows, width = each_row(connection, query), len(columns)
    rounded = [is_decimal(column) for column in columns]
    stored: dict[Any, int] = {}
    parts, numbers = [np.zeros(0, dtype=np.int64)], [np.zeros((len(query.selected_columns) - width, 0))]
    while some := list(islice(rows, _AT_ONCE)):
        values = list(zip(*some, strict=True))
        keys = values[0] if width == 1 else list(zip(*values[:width], strict=True)) if width else [()] * len(some)
        for key in set(keys).difference(stored):
            own = (key,) if width == 1 else key
            stored[key] = groups.setdefault(meant(own, rounded), len(groups))
        parts.append(np.array(list(map(stored.__getitem__, keys)), dtype=np.int64))
        numbers.append(np.array([np.array(each, dtype=np.float64) for each in values[width:]]))
    return np.concatenate(parts), np.concatenate(numbers, axis=1)


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
