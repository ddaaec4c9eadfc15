"""Figures draw plain ends unless others are named, never average the two, and say what has not settled."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nccli.errors import NothingFoundError
from nccli.figures import FIGURES, Drawn, Options, render, style
from nccli.figures.ends import ENDS, decay_rate
from nccli.figures.plots.loss_ratio import loss_ratios
from nccli.store import FinishedRun, Selection, Store, parse_where, save_run, select_settings
from nccli.theory import Problem
from tests.figures.drawing import STORE_FIGURES
from tests.long_cases import every
from tests.store.example_runs import example_config, example_run

NAMES = ("rank-vs-wd", "dnc-share-vs-width", "training", "spectra", "effective-rank", "gram", "landscape")
KINDS = {"plain": {}, "polished": {"polish": True}, "refined": {"refine": True}, "certified": {"refine": True}}


def end(seed: int, finish: str = "plain", settled: int | None = 1, **columns: Any) -> FinishedRun:
    """A run, or what was made of it."""
    told = {"settled": settled if finish == "plain" else None, "loss_dnc": 0.4, "loss_srg": 0.3}
    return example_run(seed, config=KINDS[finish], finish=finish, **{**told, **columns})


@pytest.fixture
def ends(tmp_path: Path) -> dict[str, list[str]]:
    """Three plain ends, and beside them polished, refined and certified ones; ids by what they are."""
    made = Store.create(str(tmp_path / "ends.db"))
    wanted = [end(0), end(1), end(2, settled=0), end(0, "polished"), end(1, "polished")]
    wanted += [end(0, "refined"), end(1, "certified"), end(2, "certified")]
    found: dict[str, list[str]] = {}
    for run in wanted:
        found.setdefault(run.row["finish"], []).append(save_run(made, run))
    return found


@pytest.fixture
def drawn(ends: dict[str, list[str]], tmp_path: Path) -> Callable[..., Drawn]:
    """What a figure draws of these runs, of plain ones if not said otherwise."""

    def collected(name: str, where: str = "", ids: tuple[str, ...] | None = None, plain: bool = True) -> Drawn:
        chosen = Selection(ids, parse_where(where) if where else (), plain=plain)
        with Store.open(str(tmp_path / "ends.db")).read() as connection:
            return FIGURES[name].collect(connection, chosen, Options())

    return collected


def ids_in(drawn: Drawn) -> set[str]:
    return {key for row in drawn.rows for key in row["run_ids"]}


@pytest.mark.parametrize("name", NAMES)
def test_plain_ends_are_drawn_and_a_note_says_which_are_not(
    name: str, ends: dict[str, list[str]], drawn: Callable[..., Drawn]
) -> None:
    found = drawn(name)
    assert ids_in(found) <= set(ends["plain"])
    assert ", 3 runs; " in found.caption
    (note,) = (note for note in found.notes if "plain ends" in note)
    assert note == (
        "5 runs left out, as figures draw plain ends: 2 polished, 1 refined, 2 certified "
        '(--where "finish in (polished, refined, certified)" draws them)'
    )


@pytest.mark.parametrize("name", every(2, NAMES))
def test_ends_of_different_kinds_are_different_series(
    name: str, ends: dict[str, list[str]], drawn: Callable[..., Drawn]
) -> None:
    found = drawn(name, plain=False)
    finishes = {key: finish for finish, keys in ends.items() for key in keys}
    for label in found.series:
        assert {finishes[key] for row in found.rows if row.get("series") == label for key in row["run_ids"]} == {label}
    assert set(found.series) == set(ends)
    assert not any("plain ends" in note for note in found.notes)
    with style():
        assert len(render(FIGURES[name].draw(found, 5.5), "pdf")) > 5000


def test_a_caption_names_the_end_that_all_runs_are(drawn: Callable[..., Drawn]) -> None:
    assert ", relu, certified, " in drawn("spectra", "finish=certified", plain=False).caption
    assert "plain" not in drawn("spectra").caption


def test_runs_beside_closed_forms_have_marks_by_their_end(ends: dict[str, list[str]], tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "ends.db")).read() as connection:
        settings = select_settings(connection, Selection(), ("loss", *ENDS))
    found = loss_ratios([Problem.uniform(4, 3, 4e-3, n=2)], settings, {})
    assert Counter(row["finish"] for row in found.of("run")) == {None: 3, "polished": 2, "refined": 1, "certified": 2}
    assert "open marks: 3 trained runs, 100 steps = 0.2 time constants, 1 not settled" in found.caption
    assert "plus signs: 5 certified or polished or refined runs" in found.caption


@pytest.mark.parametrize("name", ["fig7", "fig8"])
def test_a_figure_of_the_paper_that_has_no_plain_end_says_what_there_is(name: str, tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "finished.db"))
    K = {"fig7": 6, "fig8": 15}[name]
    config = {"K": K, "L": 4, "wd_layers": (4e-3,) * 4, "refine": True}
    save_run(made, example_run(0, config=config, optimizer="gd", finish="certified"))
    with (
        made.read() as connection,
        pytest.raises(NothingFoundError, match=r"there are 1 certified \(--where finish=certified draws them\)"),
    ):
        FIGURES[name].collect(connection, Selection(plain=True), Options())


def test_what_holds_of_all_parts_of_a_figure_is_said_once(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "runs.db"))
    for finish, settled in (("plain", 0), ("certified", None)):
        config = {"K": 6, "L": 4, "wd_layers": (4e-3,) * 4, **KINDS[finish]}
        save_run(made, example_run(0, config=config, optimizer="gd", finish=finish, settled=settled))
    with made.read() as connection:
        notes = FIGURES["fig7"].collect(connection, Selection(plain=True), Options()).notes
    assert [note.split(",")[0] for note in notes] == [
        "no run is recognised as SRG T(4): the nearest is drawn",
        "the run has not settled: what is drawn may still change (train-dufm --until settled goes on)",
        "1 run left out",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_captions_count_what_has_not_settled_and_what_is_not_known(name: str, tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "runs.db"))
    for seed, settled in enumerate((0, 0, 1, None)):
        save_run(made, end(seed, settled=settled, loss=0.1))
    figure = STORE_FIGURES[name]
    one = name == "gram"  # the first of equally good ones
    with made.read() as connection:
        found = figure.collect(connection, Selection(), Options())
        settled = figure.collect(connection, Selection(where=parse_where("settled=1")), Options())
    counted = ("1 not settled" in found.caption or "not" not in found.caption) if one else None
    assert counted or "; 2 not settled, 1 not known to have settled; " in found.caption
    assert one or any(note.startswith("2 of 4 runs have not settled") for note in found.notes)
    assert "settled" not in settled.caption
    assert not any("settled" in note for note in settled.notes)


def test_whether_networks_and_constructions_have_settled_is_no_question(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "runs.db"))
    like = example_run(0)
    save_run(made, FinishedRun({**like.row, "kind": "e2e"}, {**like.config, "reg": "dufm"}, like.layers))
    with made.read() as connection:
        assert "settled" not in STORE_FIGURES["spectra"].collect(connection, Selection(), Options()).caption


@pytest.mark.parametrize(
    ("steps", "lr", "words"),
    [
        ((5000, 5000), (0.5, 0.5), ", 5,000 steps = 10 time constants, 2 runs"),
        ((1, 1), (0.5, 0.5), ", 1 step = 0.002 time constants, 2 runs"),
        ((5000, 20000), (0.5, 0.5), ", 5,000 to 20,000 steps, 2 runs"),
        ((5000, 5000), (0.5, 0.25), ", 5,000 steps, 2 runs"),
        ((5000, 10000), (0.5, 0.25), ", 5,000 to 10,000 steps = 10 time constants, 2 runs"),
    ],
)
def test_captions_tell_the_steps_and_the_time_constants_that_runs_share(
    steps: tuple[int, int], lr: tuple[float, float], words: str, tmp_path: Path
) -> None:
    made = Store.create(str(tmp_path / "runs.db"))
    for seed in range(2):
        config = {"lr": lr[seed], "steps": steps[seed]}
        save_run(made, example_run(seed, config=config, steps=steps[seed], lr=lr[seed]))
    with made.read() as connection:
        assert words in STORE_FIGURES["effective-rank"].collect(connection, Selection(), Options()).caption


@pytest.mark.parametrize(
    "options",
    [
        *(
            {},
            {"optimizer": "heavy-ball", "momentum": 0.9},
            {"wd_h1": 1e-3},
            {"optimizer": "adam"},
            {"schedule": "cosine"},
        ),
        *({"optimizer": "sgdw", "momentum": 0.9}, {"optimizer": "adamw", "momentum": 0.9}),
    ],
)
def test_time_constants_are_those_of_the_configuration(options: dict[str, Any]) -> None:
    config = example_config(**options)
    rate = decay_rate("dufm", config.as_dict())
    if options.keys() & {"schedule"} or options.get("optimizer") == "adam":
        assert rate is None
    else:
        assert rate == pytest.approx(1 / config.decay_time, rel=1e-12)
