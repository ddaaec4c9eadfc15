"""A run with a larger budget goes on from a stored shorter one, and is the run that it would have been in one go."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nccli.dufm.config import DufmConfig
from nccli.store import Store, read_contents, remove_runs
from nccli.sweep import DufmTrainer, execute, jobs_of, plan_runs
from nccli.training.watch import Watch
from tests.long_cases import every

BASE = DufmConfig(K=4, L=3, n=2, width=6, wd_h1=4e-3, wd_layers=(4e-3,) * 3, lr=0.5, steps=150, seed=0)
REDUCED = replace(BASE, activation="linear", wd_h1=2e-2, wd_layers=(2e-3,) * 3)
OF_THE_MAKING = ("created", "started", "seconds", "torch_version", "steps_by", "checksum")


def made(
    store: Store, *configs: DufmConfig, notes: list[str] | None = None, trainer: DufmTrainer | None = None
) -> dict[str, Any]:
    """Everything that the store has of these runs after they were asked for, but where and when they were made."""
    told = [] if notes is None else notes
    plan = plan_runs(configs, store)
    execute(plan, trainer or DufmTrainer("cpu"), store, Watch(on_note=told.append))
    with store.read() as connection:
        found = {content.id: content for content in read_contents(connection, list(plan.configs))}
    return {
        key: ({name: value for name, value in content.run.items() if name not in OF_THE_MAKING}, content.children)
        for key, content in found.items()
    }


def goes_on(notes: list[str]) -> bool:
    return any("go on from shorter ones" in note for note in notes)


@pytest.mark.parametrize(
    "changes",
    every(
        2,
        [
            {},
            {"n": 1},
            {"dtype": "float64"},
            {"optimizer": "heavy-ball", "momentum": 0.8, "lr": 0.05},
            {"optimizer": "nesterov", "momentum": 0.8, "lr": 0.05},
            {"optimizer": "adam", "momentum": 0.9, "lr": 1e-3},
            {"activation": "relu-eps", "epsilon": 0.1},
            {"steps": 160},  # a step at which longer runs are measured too
            {"tol": 0.0},
        ],
    ),
    ids=str,
)
def test_going_on_gives_the_run_of_one_go_to_the_bit(store: Store, tmp_path: Path, changes: dict[str, Any]) -> None:
    """All that is stored of it: history, drift, point and what it takes to go on."""
    short = [replace(BASE, **{**changes, "seed": seed}) for seed in (0, 1)]
    long = [replace(config, steps=473) for config in short]
    notes: list[str] = []
    made(store, *short)
    found = made(store, *long, notes=notes)
    assert goes_on(notes)
    assert found == made(Store.create(str(tmp_path / "whole.db")), *long)


def test_runs_that_went_on_as_their_class_means_do_so_again(store: Store, tmp_path: Path) -> None:
    """One that had collapsed when the budget ran out, and one that collapses afterwards, in one batch."""
    short = [replace(REDUCED, collapse_tol=tolerance) for tolerance in (0.9, 0.1)]
    long = [replace(config, steps=600) for config in short]
    notes: list[str] = []
    collapsed = [run["collapsed_at"] for run, _ in made(store, *short).values()]
    found = made(store, *long, notes=notes)
    assert goes_on(notes)
    assert collapsed.count(None) == 1
    assert all(run["collapsed_at"] is not None for run, _ in found.values())
    assert found == made(Store.create(str(tmp_path / "whole.db")), *long)


def test_a_trajectory_goes_on_where_the_shorter_run_has_one(store: Store, tmp_path: Path) -> None:
    long, notes = replace(BASE, steps=400), list[str]()
    made(store, BASE, trainer=DufmTrainer("cpu", keep=("trajectory",)))
    found = made(store, long, notes=notes, trainer=DufmTrainer("cpu", keep=("trajectory",)))
    whole = made(Store.create(str(tmp_path / "whole.db")), long, trainer=DufmTrainer("cpu", keep=("trajectory",)))
    assert goes_on(notes)
    assert found == whole
    other, notes = replace(BASE, seed=3), []
    made(store, other)
    made(store, replace(other, steps=400), notes=notes, trainer=DufmTrainer("cpu", keep=("trajectory",)))
    assert "begins anew" in notes[0]


def test_until_settled_a_run_ends_at_the_first_budget_at_which_it_has(store: Store, tmp_path: Path) -> None:
    """And it begins with a plain run of its first budget, where there is one."""
    asked, notes = replace(BASE, steps=300, until="settled"), list[str]()
    made(store, replace(asked, until="steps"))
    ((run, children),) = made(store, asked, notes=notes).values()
    assert goes_on(notes)
    assert run["steps"] in asked.budgets
    assert run["settled"] == 1 or run["steps"] == asked.most_steps
    ((alone, _),) = made(Store.create(str(tmp_path / "whole.db")), asked).values()
    assert alone == run
    fixed = replace(asked, until="steps", steps=run["steps"])
    ((plain, same),) = made(Store.create(str(tmp_path / "fixed.db")), fixed).values()
    assert [plain[name] for name in ("loss", "grad_norm", "spectral_drift")] == [
        run[name] for name in ("loss", "grad_norm", "spectral_drift")
    ]
    assert same["matrix"] == children["matrix"]


def test_the_longest_beginning_is_taken(store: Store) -> None:
    made(store, BASE)
    made(store, replace(BASE, steps=300))
    plan = plan_runs([replace(BASE, steps=500)], store)
    trainer = DufmTrainer("cpu")
    states = store.path.with_name(f"{store.path.name}-checkpoint-")  # type: ignore[union-attr]
    trainer.prepare(store, list(plan.left.values()), states, Watch())
    (job,) = jobs_of(plan, trainer, store, print)
    assert job.from_step == 300


@pytest.mark.parametrize(
    ("changes", "words"), [({"schedule": "cosine"}, "schedule cosine depends on the budget"), ({}, "all that it takes")]
)
def test_what_cannot_go_on_begins_anew_and_says_why(store: Store, changes: dict[str, Any], words: str) -> None:
    short, notes = replace(BASE, **changes), list[str]()
    made(store, short)
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM matrix WHERE name != 'class_means'")
    ((run, _),) = made(store, replace(short, steps=300), notes=notes).values()
    assert not goes_on(notes)
    assert words in notes[0]
    assert run["steps"] == 300


@pytest.mark.parametrize("changes", [{"seed": 1}, {"lr": 0.4}, {"tol": 1e-5}, {"noise": 0.0, "steps": 100}], ids=str)
def test_runs_of_other_settings_are_no_beginnings(store: Store, changes: dict[str, Any]) -> None:
    """Nor is a longer run one of a shorter."""
    notes: list[str] = []
    made(store, BASE)
    made(store, replace(BASE, **{"steps": 300, **changes}), notes=notes)
    assert notes == []


def test_no_state_is_left_behind(store: Store, tmp_path: Path) -> None:
    (key,) = made(store, BASE)
    made(store, replace(BASE, steps=300))
    remove_runs(store, [key])
    assert [path.name for path in tmp_path.iterdir() if "checkpoint" in path.name] == []
