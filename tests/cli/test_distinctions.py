"""No two rows of a table look alike and are not."""

from typing import Any

from nccli.cli.distinctions import distinctions
from tests.cli.command import Nccli
from tests.cli.conftest import TINY

SHOWN = ("kind", "K", "wd", "lr", "seed")


def run(key: str, kind: str = "dufm", **config: Any) -> dict[str, Any]:
    """A run as tables get it."""
    fields: dict[str, Any] = {"K": 4, "wd_h1": 1e-3, "wd_layers": [1e-3] * 3, "lr": 0.5, "seed": 0, "steps": 60}
    return {"id": key, "kind": kind, "config": {**fields, **config}, "K": 4}


def table(*runs: dict[str, Any]) -> dict[str, list[str]]:
    """Texts by header."""
    return {column.header: [column.value(each) for each in runs] for column in distinctions(runs, SHOWN)}


def test_runs_that_the_table_tells_apart_need_no_more() -> None:
    assert table() == table(run("a")) == table(run("a"), run("b", seed=1, steps=80), run("c", "e2e", steps=9)) == {}


def test_runs_that_look_alike_are_told_apart_by_what_they_differ_in() -> None:
    assert table(run("a"), run("b", steps=80), run("c", seed=1)) == {"steps": ["60", "80", "60"]}
    assert table(run("a"), run("b", wd_h1=2e-3)) == {"λ_H1": ["0.001", "0.002"]}
    assert table(run("a"), run("b", wd_h1=2e-3, wd_layers=[2e-3] * 3)) == {}
    assert table(run("a", wd_layers=[1, 2, 3]), run("b", wd_layers=[1, 2, 4])) == {"λ_W": ["1,2,3", "1,2,4"]}


def test_no_more_columns_are_shown_than_tell_runs_apart() -> None:
    """Another optimiser has another momentum, and a network no tolerance: the first column says enough."""
    assert table(run("a"), run("b", optimizer="adam", momentum=0.9)) == {"optimizer": ["gd", "adam"]}
    network = {**run("c", "e2e", samples=100, batch_size=8, backbone="mlp"), "kind": "e2e"}
    runs = (run("a"), network)
    columns = distinctions(runs, ("K", "wd", "lr", "seed"))
    assert [column.header for column in columns] == ["kind"]


def test_what_a_configuration_leaves_out_is_named() -> None:
    assert table(run("a"), run("b", optimizer="adam"), run("c", refine=True)) == {
        "optimizer": ["gd", "adam", "gd"],
        "refine": ["no", "no", "yes"],
    }


def test_numbers_have_as_many_digits_as_tell_them_apart() -> None:
    assert table(run("a", init_scale=1.0), run("b", init_scale=1.00001)) == {"init scale": ["1.0", "1.00001"]}


def test_two_results_of_one_configuration_are_told_apart() -> None:
    old, new = {**run("a"), "result_version": 1}, {**run("b"), "result_version": 2}
    assert table(old, new) == {"result_version": ["1", "2"]}


def test_every_table_tells_its_rows_apart(run: Nccli) -> None:
    line = f"train-dufm {TINY} --tol 0,1e-3 --init normal,he"
    tables = [run(f"{line} --format table").out, run(f"{line} --dry-run --format table").out]
    tables += [run(f"{command} --format table").out for command in ("runs list", "compare")]
    for text in tables:
        header, _, *rows = text.splitlines()
        assert {"tol", "init"} <= set(header.split())
        assert len(rows) == 4
