"""Grids of networks: claimed, trained one by one or side by side, stored as they end."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nccli.e2e.config import E2eConfig
from nccli.e2e.result import NetworkProgress
from nccli.errors import InputError
from nccli.store import Claims, FinishedRun, Store, claimed_runs, run_records, select_runs
from nccli.sweep import E2eTrainer, SweepProgress, plan_runs, runs_together
from nccli.sweep import execute as carry_out
from nccli.training.group import Group
from nccli.training.watch import Watch
from tests.e2e.image_files import config_of, image_set

IMAGES = image_set()


def grid() -> list[E2eConfig]:
    """Five runs of two shapes, mixed."""
    first = config_of(IMAGES, backbone="mlp")
    return [replace(first, seed=seed, width=width) for seed in (0, 1, 2) for width in (6, 8)][:5]


def execute(
    store: Store,
    together: int,
    watch: Watch[Any] | None = None,
    force: bool = False,
    on_run: Callable[[FinishedRun], None] = lambda run: None,
) -> dict[str, str]:
    trainer = E2eTrainer(IMAGES, "cpu", together=together)
    return carry_out(plan_runs(grid(), store, force), trainer, store, watch, on_run=on_run)


def test_a_grid_side_by_side_stores_the_runs_of_a_grid_one_by_one(store: Store) -> None:
    def records() -> dict[str, dict[str, object]]:
        with store.read() as connection:
            return {record["id"]: record for record in run_records(connection, select_runs(connection))}

    statuses = execute(store, together=1)
    alone = records()
    assert execute(store, together=2, force=True) == statuses == dict.fromkeys(alone, "stopped")
    for key, record in records().items():
        assert record["created"] != alone[key]["created"]
        assert record["loss"] == pytest.approx(alone[key]["loss"], rel=1e-4)
        assert record["steps"] == alone[key]["steps"]
    with store.read() as connection:
        assert claimed_runs(connection) == set()


def test_what_is_trained_side_by_side_is_told(store: Store) -> None:
    said: list[tuple[int, int, int]] = []

    def on_progress(progress: SweepProgress[NetworkProgress]) -> None:
        said.append((progress.part.run, progress.part.runs, progress.inner.together))

    execute(store, together=8, watch=Watch(on_progress))
    assert list(dict.fromkeys(said)) == [(0, 5, 3), (3, 5, 2)]


def test_an_interrupted_grid_keeps_what_it_has_and_goes_on(store: Store) -> None:
    results: list[str] = []
    watch = Watch[Any](should_stop=lambda: bool(results))
    statuses = execute(store, together=2, watch=watch, on_run=lambda run: results.append(run.row["status"]))
    assert list(statuses.values()) == ["stopped", "stopped"]
    assert len(execute(store, together=2)) == 5
    with store.read() as connection:
        assert {run["status"] for run in select_runs(connection)} == {"stopped"}


def test_runs_that_another_process_makes_are_left_to_it_while_others_are_trained(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_runs(grid(), store, force=False)
    theirs = list(plan.configs)[2]
    waited: list[str] = []
    with Claims(store, lambda text: None) as others:
        monkeypatch.setattr(others, "_identity", replace(others._identity, id="somebody else"))
        assert others.take([theirs], lambda key: E2eTrainer(IMAGES, "cpu").known(plan.configs[key])).ours == (theirs,)
        watch = Watch[Any](should_stop=lambda: bool(waited), on_wait=waited.append)
        statuses = execute(store, together=2, watch=watch)
    assert set(statuses) == set(plan.configs) - {theirs}
    assert "1 runs are being made elsewhere" in waited[0]
    assert set(execute(store, together=2)) == set(plan.configs)


def test_side_by_side_is_for_small_backbones_on_a_gpu_unless_it_is_asked_for() -> None:
    small, large = config_of(IMAGES), config_of(IMAGES, backbone="resnet20")
    assert runs_together(small, "cuda", Group(), False, None) > 1
    assert runs_together(small, "cpu", Group(), False, True) > 1
    for config, device, compile, wanted in (
        (small, "cpu", False, None),
        (small, "cuda", False, False),
        (small, "cuda", True, None),
        (large, "cuda", False, None),
    ):
        assert runs_together(config, device, Group(), compile, wanted) == 1
    with pytest.raises(InputError, match="--together: not with --backbone resnet20"):
        runs_together(large, "cpu", Group(), False, True)
    with pytest.raises(InputError, match="--together: not with --compile"):
        runs_together(small, "cpu", Group(), True, True)
