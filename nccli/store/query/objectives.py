"""What outputs of runs are held to: losses of different objectives are never averaged, nor one taken from another."""

from sqlalchemy import Connection, select

from nccli.store.query.selection import Selection
from nccli.store.schema.tables import RUN

OBJECTIVE = "objective"


def objectives_of(connection: Connection, selection: Selection) -> list[str]:
    """Objectives of runs, each once, by name; runs of which none is known are left out."""
    survey = selection.surveyed((OBJECTIVE,))
    if survey is not None:
        return sorted(name for name in survey.counted(OBJECTIVE) if name is not None)
    query = select(RUN.c.objective).where(selection.condition(connection)).distinct()
    return sorted(name for name in connection.scalars(query) if name is not None)
