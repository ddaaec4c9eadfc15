"""How many runs of each group came to which outcome."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, case, func, select

from nccli.catalogue.outcomes import Outcome
from nccli.store.query.columns import column_expression, is_decimal, meant
from nccli.store.query.groups import key_value
from nccli.store.query.selection import Selection, is_degenerate, is_unsettled
from nccli.store.schema.tables import RUN

UNKNOWN = "unknown"
"""Of runs of which nothing is known that tells an outcome: they were cut off, or stored without layers."""


def outcome_records(connection: Connection, selection: Selection, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Outcomes counted, groups in increasing order.

    Returns:
        For each group its keys, `runs`, how many of them are `unsettled`, and `outcomes`: how many by name, in the
        order of `in_order`.
    """
    counted: dict[tuple[Any, ...], Counter[str]] = {}
    unsettled: Counter[tuple[Any, ...]] = Counter()
    for values, outcome, runs, still in _counts(connection, selection, keys):
        counted.setdefault(values, Counter())[outcome or UNKNOWN] += runs
        unsettled[values] += still
    records = []
    for group, outcomes in sorted(counted.items(), key=lambda each: [(value is None, value) for value in each[0]]):
        about = {key: key_value(key, value) for key, value in zip(keys, group, strict=True)}
        told = {name: outcomes[name] for name in in_order(outcomes)}
        records.append({**about, "runs": outcomes.total(), "unsettled": unsettled[group], "outcomes": told})
    return records


def _counts(
    connection: Connection, selection: Selection, keys: Sequence[str]
) -> Iterator[tuple[tuple[Any, ...], str | None, int, int]]:
    """Of each group and outcome how many runs there are, and how many of these have not settled."""
    survey = selection.surveyed((*keys, "settled"))
    if survey is not None:
        groups, group = survey.groups((*keys, "outcome"))
        counts = [np.bincount(each, minlength=len(groups)).tolist() for each in (group, group[survey.unsettled])]
        decimal = [is_decimal(key) for key in keys]
        for (*values, outcome), runs, still in zip(groups, *counts, strict=True):
            yield meant(values, decimal), outcome, runs, still
        return
    columns = [column_expression(key) for key in keys]
    moving = func.sum(case((is_unsettled(), 1), else_=0))
    query = select(*columns, RUN.c.outcome, func.count(), moving).where(selection.condition(connection))
    for *values, outcome, runs, still in connection.execute(query.group_by(*columns, RUN.c.outcome)):
        yield tuple(values), outcome, runs, int(still)


def in_order(outcomes: Iterable[str]) -> list[str]:
    """Names of outcomes as they are tried, structures after SRG, what is not known last."""
    known = [outcome.value for outcome in Outcome]
    after_srg = known.index(Outcome.SRG.value) + 0.5
    place = {**{name: float(i) for i, name in enumerate(known)}, UNKNOWN: float(len(known))}
    return sorted(set(outcomes), key=lambda name: (place.get(name, after_srg), name))


def count_degenerate(connection: Connection, selection: Selection) -> dict[str, int]:
    """How many of the runs did not learn their classes, by outcome."""
    survey = selection.surveyed(())
    if survey is not None:
        counted = survey.only(survey.degenerate).counted("outcome")
        return {name: counted[name] for name in in_order(name for name in counted if name is not None)}
    wanted = (selection.condition(connection), is_degenerate())
    query = select(RUN.c.outcome, func.count()).where(*wanted).group_by(RUN.c.outcome)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {name: found[name] for name in in_order(found)}
