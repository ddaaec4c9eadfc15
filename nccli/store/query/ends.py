"""Which ends of runs are meant: where the descent ended, or what was made of that."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, literal, select

from nccli.catalogue.runs import Finish
from nccli.store.query.conditions import AnyOf, Condition, Not
from nccli.store.query.selection import Selection
from nccli.store.schema.tables import RUN

_OF_ENDS = frozenset({"id", "finish", "parent", "residual", "radius", "kinks", "config.polish", "config.refine"})
"""Columns by which conditions ask for runs one by one, or for points that only finished ends are."""


def columns_of(conditions: Iterable[Condition]) -> set[str]:
    """Columns that conditions are about."""
    found: set[str] = set()
    for each in conditions:
        if isinstance(each, Not):
            found |= columns_of([each.condition])
        elif isinstance(each, AnyOf):
            found |= columns_of(part for parts in each.alternatives for part in parts)
        else:
            found.add(each.column)
    return found


def names_ends(conditions: Iterable[Condition]) -> bool:
    """Whether conditions say which ends are meant, plain or finished."""
    return not columns_of(conditions).isdisjoint(_OF_ENDS)


def count_finishes(connection: Connection, selection: Selection) -> dict[str, int]:
    """How many runs are of which end, in the order of `Finish`; runs of other kinds than dufm count as plain."""
    survey = selection.surveyed(())
    if survey is None:
        finish = func.coalesce(RUN.c.finish, literal(Finish.PLAIN.value)).label("finish")
        query = select(finish, func.count()).where(selection.condition(connection)).group_by(finish)
        found = {row[0]: row[1] for row in connection.execute(query)}
    else:
        found = dict[str, int]()
        for name, runs in survey.counted("finish").items():
            found[name or Finish.PLAIN.value] = found.get(name or Finish.PLAIN.value, 0) + runs
    order = [each.value for each in Finish]
    return {name: found[name] for name in sorted(found, key=[*order, *sorted(set(found) - set(order))].index)}


def asking_for(finishes: Iterable[str]) -> str:
    """The option that asks for these ends."""
    names = list(finishes)
    return f"--where finish={names[0]}" if len(names) == 1 else f'--where "finish in ({", ".join(names)})"'
