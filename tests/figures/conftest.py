"""A small store of real runs: two weight decays, three seeds, two values of n, one diverged run, two constructions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from nccli.dufm.config import DufmConfig
from nccli.store import Row, Selection, Store, parse_where, save_run, select_selected
from nccli.sweep import DufmTrainer, construction_run, execute, plan_runs
from nccli.theory import Problem, solve_dnc, solve_srg


def small(wd: float, seed: int, n: int = 2, lr: float = 0.2) -> DufmConfig:
    return DufmConfig(K=6, L=4, n=n, width=9, wd_h1=wd, wd_layers=(wd,) * 4, lr=lr, steps=60, seed=seed, init_scale=1.5)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made: Path = tmp_path_factory.mktemp("figures") / "runs.db"
    opened = Store.create(str(made))
    configs = [small(wd, seed, n) for wd in (5e-3, 2e-2) for seed in range(3) for n in (1, 2)]
    execute(plan_runs([*configs, small(5e-3, 0, lr=1e4)], opened, force=False), DufmTrainer("cpu"), opened)
    problem = Problem.uniform(6, 4, 5e-3)
    srg = solve_srg(problem)
    assert srg is not None
    for solution in (solve_dnc(problem), srg):
        save_run(opened, construction_run(solution, 9))
    return opened


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    with store.read() as opened:
        yield opened


def rows_of(connection: Connection, selection: Selection) -> list[Row]:
    """Rows of table `run` of a selection."""
    return select_selected(connection, selection)


def ids(connection: Connection, selection: Selection) -> list[str]:
    """Of the selected runs."""
    return [run["id"] for run in rows_of(connection, selection)]


@pytest.fixture
def trained() -> Selection:
    """The trained runs that ended well."""
    return Selection(trained=True)


@pytest.fixture
def collapsed() -> Selection:
    """Those with one sample a class."""
    return Selection(where=parse_where("n=1"), trained=True)
