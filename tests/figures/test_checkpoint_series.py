"""Checkpoints of somebody's network are drawn over their steps, the last of them layer by layer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection

from nccli.figures import FIGURES, Options, render, style
from nccli.metrics import LayerData, class_statistics, layer_metrics
from nccli.store import Selection, Store, parse_where, place_in_series, save_run
from nccli.sweep import measured_run

LABELS = np.repeat(np.arange(4), 6)
LAYERS = ("conv", "fc.input", "fc_$x")
STEPS = (0, 10, 20)


def checkpoint(step: int, split: str, **columns: Any) -> Any:
    """A network whose features come together in the course of its steps."""
    layers = []
    for number, name in enumerate(LAYERS, 1):
        rng = np.random.default_rng(step + number)
        features = np.eye(4)[LABELS] + rng.normal(size=(24, 4)) / (1 + step + number)
        weights = np.eye(4) if name == "fc.input" else None
        statistics = class_statistics(features, LABELS, 4)
        layers.append(layer_metrics(number, "post", LayerData.of(statistics, weights, 0.1), name))
    config = {"source": "nets:make", "state": f"{step:016d}", "data": "d" * 16, "layers": ",".join(LAYERS)}
    config |= {"split": split} if split == "test" else {}
    place = {"step": step, "split": split, "file": f"ep{step}.pt", "dataset": "digits"}
    return measured_run("network", layers, 6, config, 0.1, **{**place, **columns})


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Series a, train and test; series b, which begins with the first checkpoint of a."""
    made = Store.create(str(tmp_path_factory.mktemp("series") / "runs.db"))
    for step in STEPS:
        for split in ("train", "test"):
            run = checkpoint(step, split, series="a")
            save_run(made, run)
            if (step, split) == (0, "train"):
                place_in_series(made, run.id, {"series": "b"})
    save_run(made, checkpoint(30, "train", series="b"))
    return made


def drawn_of(name: str, connection: Connection, where: str) -> Any:
    return FIGURES[name].collect(connection, Selection(where=parse_where(where)), Options())


def test_all_four_stages_of_collapse_and_both_ranks_are_drawn_by_layer_part_and_step(checkpoints: Store) -> None:
    with checkpoints.read() as connection:
        drawn = drawn_of("collapse-over-steps", connection, "series=a")
    wanted = ["dnc1", "etf_distance", "self_duality", "nc4", "rank", "effective_rank"]
    assert drawn.values("what") == wanted
    for what in ("dnc1", "rank"):
        for split in ("train", "test"):
            rows = drawn.of(what, split=split, symbol="conv")
            assert [row["step"] for row in rows] == list(STEPS)
    expected = {layer.name: layer.etf_distance for layer in checkpoint(10, "train").layers}
    found = {row["symbol"]: row["mean"] for row in drawn.of("etf_distance", split="train", step=10)}
    assert found == pytest.approx({name.replace("$", r"\$"): value for name, value in expected.items()}, rel=1e-12)
    assert {row["symbol"] for row in drawn.of("self_duality")} == {"fc.input"}
    assert drawn.caption.startswith("series = a, 6 runs")


def test_a_checkpoint_of_two_series_is_in_the_one_that_is_asked_for_or_in_both(checkpoints: Store) -> None:
    with checkpoints.read() as connection:
        only = drawn_of("collapse-over-steps", connection, "series=b")
        both = drawn_of("collapse-over-steps", connection, "kind=network")
    assert only.values("series") == [""]
    assert [row["step"] for row in only.of("rank", symbol="conv")] == [0, 30]
    assert both.values("series") == ["series = a", "series = b"]
    assert [row["step"] for row in both.of("rank", symbol="conv", split="train", series="series = a")] == list(STEPS)


def test_the_bottleneck_is_that_of_the_last_checkpoint_with_the_names_of_modules(checkpoints: Store) -> None:
    with checkpoints.read() as connection:
        drawn = drawn_of("bottleneck", connection, "series=a")
    assert drawn.values("series") == ["split = test", "split = train"]
    assert drawn.caption.endswith("step 20")
    last = {layer.name: layer.rank for layer in checkpoint(20, "train").layers}
    assert {row["name"]: row["mean"] for row in drawn.of("rank", series="split = train")} == last
    with style():
        figure = FIGURES["bottleneck"].draw(drawn, 5.5)
        assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["conv", "fc.input", r"fc_\$x"]
        assert len(render(figure, "pdf")) > 5000


def test_of_many_layers_those_are_drawn_that_an_eye_tells_apart_and_the_rest_is_named(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "deep.db"))
    layer = checkpoint(0, "train").layers[0]
    layers = [
        layer_metrics(i, "post", LayerData(layer.class_means, given={"dnc1": 0.1}), f"block{i}") for i in range(1, 31)
    ]
    config = {"source": "nets:make", "state": "0" * 16, "layers": ""}
    save_run(made, measured_run("network", layers, 6, config, 0.1, series="a", step=1, split="train"))
    with made.read() as connection:
        drawn = drawn_of("collapse-over-steps", connection, "series=a")
    assert len(drawn.values("symbol")) == 10
    assert {"block1", "block30"} <= set(drawn.values("symbol"))
    assert "10 of 30 layers" in drawn.caption
    assert any(note.startswith("20 layers are not drawn: block") for note in drawn.notes)


def test_our_own_trainings_are_drawn_from_their_histories(connection: Connection, trained: Selection) -> None:
    drawn = FIGURES["collapse-over-steps"].collect(
        connection, Selection(where=parse_where("kind=dufm and n=2 and wd=2e-2")), Options()
    )
    training = FIGURES["training"].collect(
        connection, Selection(where=parse_where("kind=dufm and n=2 and wd=2e-2")), Options()
    )
    assert drawn.values("what") == ["dnc1", "rank"]
    for what in ("dnc1", "rank"):
        own = [(row["symbol"], row["step"], row["mean"]) for row in drawn.of(what)]
        assert own == [(row["symbol"], row["step"], row["mean"]) for row in training.of(what)]
    narrow = FIGURES["bottleneck"].collect(connection, trained, Options())
    assert {(row["layer"], row["stage"]) for row in narrow.rows} >= {(1, "post"), (2, "pre"), (4, "post")}


def test_no_command_is_said_to_make_checkpoints() -> None:
    for name in ("collapse-over-steps", "bottleneck"):
        assert FIGURES[name].command(parse_where("series=a and step>3"), Options()) == ""
        assert FIGURES[name].command(parse_where("K=6"), Options()).startswith("nccli train-dufm --K 6")
