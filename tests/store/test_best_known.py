"""The best points that a store has of a problem."""

from dataclasses import replace

from nccli.store import FinishedRun, Store, best_runs, save_run, searched_losses
from nccli.sweep import construction_run
from nccli.theory import Problem, solve_kind

SIX = Problem.uniform(6, 4, 4e-3)
UNEQUAL = Problem(6, 4, 1, 4e-3, (4e-3, 4e-3, 4e-3, 2e-3))


def made(problem: Problem, kind: str, /, **columns: object) -> FinishedRun:
    run = construction_run(solve_kind(problem, kind, {}), 12)
    extra = {"searched": 1} if columns else {}
    return replace(run, row={**run.row, **columns}, config={**run.config, **extra})


def test_the_best_runs_are_of_this_very_problem_and_can_be_gone_on_from(store: Store) -> None:
    dnc, srg, other, longer = (
        save_run(store, made(problem, kind))
        for problem, kind in ((SIX, "dnc"), (SIX, "srg"), (UNEQUAL, "srg"), (replace(SIX, n=2), "srg"))
    )
    cut_off = save_run(store, made(SIX, "srg", kind="search", status="interrupted", loss=0.05))
    save_run(store, made(SIX, "dnc", kind="dufm", status="interrupted", loss=0.04))
    with store.read() as connection:
        assert best_runs(connection, SIX, 5) == [cut_off, srg, dnc]
        assert best_runs(connection, SIX, 1) == [cut_off]
        assert best_runs(connection, SIX, 5, width=13) == []
        assert best_runs(connection, UNEQUAL, 5) == [other]
        assert best_runs(connection, replace(SIX, n=2), 5) == [longer]


def test_of_searches_of_a_problem_the_best_counts_and_none_that_was_cut_off(store: Store) -> None:
    found = save_run(store, made(SIX, "srg", kind="search", loss=0.05))
    save_run(store, made(SIX, "dnc", kind="search", loss=0.06))
    save_run(store, made(UNEQUAL, "dnc", kind="search", status="interrupted", loss=0.03))
    save_run(store, made(SIX, "dnc"))
    with store.read() as connection:
        assert searched_losses(connection) == {SIX: (0.05, found)}
