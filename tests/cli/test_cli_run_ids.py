"""Run ids as arguments, as unique prefixes, and on stdin."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.sql import change


def listed(nccli: Nccli, arguments: str, made: Made, stdin: str = "") -> list[str]:
    return nccli(f"runs list {arguments} --format ids --store {made.path}", stdin=stdin).ids


def test_runs_come_in_the_order_of_the_arguments_each_once(grid: Made, run: Nccli) -> None:
    a, b, c, _ = grid.ids
    assert listed(run, f"{c} {a} {b} {c}", grid) == [c, a, b]


def test_a_unique_prefix_names_a_run_in_upper_case_too(grid: Made, run: Nccli) -> None:
    a, b, *_ = grid.ids
    assert listed(run, f"{a[:6]} {b[:6].upper()}", grid) == [a, b]


def test_ids_on_stdin_may_be_prefixes_or_json_lines_with_blank_lines_between(grid: Made, run: Nccli) -> None:
    a, b, c, _ = grid.ids
    stdin = f"{a}\n\n  {b[:6]}  \r\n{json.dumps({'loss': 1, 'id': c})}\n"
    assert listed(run, "-", grid, stdin) == [a, b, c]


def test_ids_on_stdin_join_those_among_the_arguments(grid: Made, run: Nccli) -> None:
    a, b, c, d = grid.ids
    assert listed(run, f"{d} - {a}", grid, f"{c}\n{b}\n") == [d, c, b, a]


def test_a_condition_narrows_the_runs_that_are_named(grid: Made, run: Nccli) -> None:
    assert listed(run, f"{' '.join(grid.ids)} --where 'wd=4e-3 and seed=1'", grid) == grid.ids[3:]


def test_nothing_on_stdin_is_nothing_found(grid: Made, run: Nccli) -> None:
    assert run(f"compare - --store {grid.path}", code=3, stdin="\n \n").err.startswith("nccli: no run ids on stdin")


@pytest.mark.parametrize(
    ("stdin", "named"),
    [
        ("rank-vs-wd.pdf\n", "rank-vs-wd.pdf"),
        ('{"id": 3}\n', '{"id": 3}'),
        ('{"id": \n', '{"id":'),
        (b"\xff\xfe\x00\n", "not a run id"),
    ],
    ids=["text", "a number for an id", "half a record", "binary"],
)
def test_what_is_no_id_on_stdin_is_refused_by_name(grid: Made, run: Nccli, stdin: str | bytes, named: str) -> None:
    ended = run(f"compare - --store {grid.path}", code=2, stdin=stdin)
    assert named in ended.err
    assert len(ended.err.splitlines()) <= 2


def test_what_is_no_id_among_the_arguments_is_refused_by_name(grid: Made, run: Nccli) -> None:
    for text, ended in run.all(
        (f"runs show {text} --store {grid.path}" for text in ("xyz", "a%", "''")), code=2
    ).items():
        given = text.split()[2].strip("'")
        assert f"'{given}' is not a run id" in ended.err


def test_an_ambiguous_prefix_is_refused_and_the_candidates_are_named(own_grid: Path, grid: Made, run: Nccli) -> None:
    for key, new in zip(grid.ids[:2], ("abc111111111", "abc222222222"), strict=True):
        change(own_grid, f"UPDATE run SET id = '{new}' WHERE id = '{key}'")
    ended = run("runs show abc", code=2)
    assert "'abc' is the start of several runs (abc111111111, abc222222222" in ended.err
    assert run("runs list abc1 --format ids").ids == ["abc111111111"]
