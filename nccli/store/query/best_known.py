"""The best points that the store has of a problem."""

from itertools import islice

from sqlalchemy import Connection, and_, or_, select

from nccli.catalogue.options import ActivationName
from nccli.catalogue.runs import ENDED_WELL, MEASURED_KINDS, Kind, Status
from nccli.catalogue.settings import OTHER_PROBLEM
from nccli.store.runs.finished_run import common_decay
from nccli.store.schema.tables import RUN
from nccli.theory import Problem


def best_runs(connection: Connection, problem: Problem, count: int, width: int | None = None) -> list[str]:
    """Ids of the runs with the least loss: trained, constructed or searched, with its σ; also of searches cut off.

    Args:
        connection: to the store.
        problem: that they are of.
        count: at most so many.
        width: of them; None for any.
    """
    cut_off = and_(RUN.c.kind == Kind.SEARCH.value, RUN.c.status == Status.INTERRUPTED.value)
    query = (
        select(RUN.c.id, RUN.c.config)
        .where(
            *(RUN.c[name] == getattr(problem, name) for name in ("K", "L", "n")),
            RUN.c.class_counts.is_(None),
            RUN.c.wd_h1 == problem.lambda_h1,
            RUN.c.wd.is_not_distinct_from(common_decay(problem.lambda_w)),
            RUN.c.kind.not_in((Kind.E2E.value, *MEASURED_KINDS)),
            RUN.c.activation == (ActivationName.LINEAR if problem.linear else ActivationName.RELU).value,
            RUN.c.objective == problem.objective,
            RUN.c.loss.is_not(None),
            *([] if width is None else [RUN.c.width == width]),
            or_(RUN.c.status.in_(ENDED_WELL), cut_off),
        )
        .order_by(RUN.c.loss, RUN.c.id)
    )
    decays = list(problem.lambda_w)
    same = (
        row.id
        for row in connection.execute(query)
        if row.config["wd_layers"] == decays and not any(name in row.config for name in OTHER_PROBLEM)
    )
    return list(islice(same, count))


def searched_losses(connection: Connection) -> dict[Problem, tuple[float, str]]:
    """Of problems that were searched, the least loss and whose it is."""
    ended = RUN.c.kind == Kind.SEARCH.value, RUN.c.status.in_(ENDED_WELL), RUN.c.loss.is_not(None)
    found: dict[Problem, tuple[float, str]] = {}
    columns = [RUN.c[name] for name in ("id", "K", "L", "n", "loss", "config")]
    for row in connection.execute(select(*columns).where(*ended)):
        problem = Problem(row.K, row.L, row.n, row.config["wd_h1"], tuple(row.config["wd_layers"]))
        found[problem] = min((row.loss, row.id), found.get(problem, (row.loss, row.id)))
    return found
