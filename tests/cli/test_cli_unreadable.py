"""One bad row makes no store unreadable: it is named and left out, the rest is shown, exit code 4."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.sql import change, query

CHANGES = {
    "a loss of DNC that no problem has": "UPDATE run SET loss_dnc = 0.0",
    "a configuration that is no JSON": "UPDATE run SET config = '{oops'",
    "an empty configuration": "UPDATE run SET config = '{}'",
    "a control sequence": "UPDATE run SET host = char(27) || '[31mlab', kind = char(27) || 'c'",
    "bytes that are no text": "UPDATE run SET host = CAST(X'ff61' AS TEXT)",
    "words for a number": "UPDATE run SET loss = 'low'",
    "no layers": "UPDATE run SET L = 0",
    "more classes than there are": "UPDATE run SET K = 1000000000",
    "a status that is no text": "UPDATE run SET status = X'ff00'",
    "a rank that no layer has": "UPDATE run SET mean_hidden_rank = 1e308",
}
COMMANDS = (
    "runs list --limit 0 --format table",
    "runs list --limit 0 --where config.lr=0.5",
    "compare",
    "compare --group-by seed --format table",
    "compare --group-by config.lr --rank-rtol 1e-3",
    "plot rank-vs-wd -o p.svg",
    "plot training -o t.svg",
    "plot spectra -o s.svg",
    "runs export -o all.jsonl",
    "runs show -",
    "measure -",
)

CURVES = ("plot training -o t.svg", "plot spectra -o s.svg")
"""Commands that take a second: of the first faults alone."""


@pytest.mark.parametrize("what", CHANGES)
def test_the_row_is_named_and_the_rest_is_shown(own_grid: Path, grid: Made, run: Nccli, what: str) -> None:
    bad = grid.ids[0]
    rest = {row["id"] for row in query(own_grid, "SELECT id FROM run")} - {bad}
    change(own_grid, f"{CHANGES[what]} WHERE id = '{bad}'")
    for line in COMMANDS if what in [*CHANGES][:2] else [each for each in COMMANDS if each not in CURVES]:
        ended = run(line, code=None, stdin="".join(f"{key}\n" for key in grid.ids))
        assert "\x1b" not in ended.err + ended.out
        assert "Traceback" not in ended.err
        if bad in ended.err:
            assert f"nccli: run {bad} cannot be read and is left out: " in ended.err
            assert ended.err.splitlines()[-1].startswith("nccli: 1 run cannot be read: nccli store check --repair")
            assert ended.code == 4, (line, ended.err)
        else:  # the condition of the command holds of it no more
            assert ended.code == 0, (line, ended.err)
        assert bad not in ended.out
    listed = run("runs list --limit 0 --format ids", code=4).ids
    assert sorted(listed) == sorted(rest)
    assert run(f"runs rm {bad} --yes").ids == [bad]
    assert sorted(run("runs list --limit 0 --format ids").ids) == sorted(rest)


def test_a_stored_run_that_cannot_be_read_is_not_returned_but_named(own_grid: Path, run: Nccli) -> None:
    line = "construct --kind dnc --K 4 --L 3 --width 8"
    (key,) = run(line).ids
    change(own_grid, f"UPDATE layer SET rank = 'abc' WHERE run_id = '{key}'")
    ended = run(line, code=4)
    assert ended.out == ""
    assert f"run {key} cannot be read" in ended.err
    assert run(f"{line} --force").ids == [key]


def test_what_is_damaged_is_set_aside_on_demand(own_grid: Path, grid: Made, run: Nccli) -> None:
    bad = grid.ids[0]
    rest = {row["id"] for row in query(own_grid, "SELECT id FROM run")} - {bad}
    change(own_grid, f"UPDATE singular_value SET value = value * 1.0001 WHERE run_id = '{bad}' AND \"index\" = 1")
    ended = run("store check", code=5)
    assert f"run {bad} is damaged: its checksum does not fit" in ended.err
    repaired = run("store check --repair")
    assert f"run {bad} was set aside" in repaired.err
    (file,) = own_grid.parent.glob("nccli.db-set-aside-*.jsonl")
    assert json.loads(file.read_text())["run"]["id"] == bad
    assert sorted(run("runs list --limit 0 --format ids").ids) == sorted(rest)
    assert run("store check --repair").err == ""
    run(f"runs import {file.name}")
    assert query(own_grid, "SELECT COUNT(*) AS n FROM run") == [{"n": len(rest) + 1}]


def test_a_damaged_store_is_merged_into_no_other(own_grid: Path, grid: Made, run: Nccli) -> None:
    (run.folder / "bad.db").write_bytes(own_grid.read_bytes())
    change(run.folder / "bad.db", f"UPDATE run SET loss_dnc = 0 WHERE id = '{max(grid.ids)}'")
    ended = run("store merge bad.db --into new.db", code=2)
    assert f"run {max(grid.ids)}: loss_dnc 0.0 is not a finite number above 0; nothing was merged" in ended.err
    assert query(run.folder / "new.db", "SELECT COUNT(*) AS n FROM run") == [{"n": 0}]


def test_a_name_with_control_characters_is_shown_and_not_obeyed(run: Nccli) -> None:
    """A layer of somebody's file is named so: in the store it is printable, and elsewhere escaped."""
    rng = np.random.default_rng(0)
    arrays = {"a\x1b[2Jb": rng.normal(size=(12, 3)), "labels": np.repeat(np.arange(3), 4)}
    np.savez(run.folder / "odd\x9b2J.npz", **arrays)  # type: ignore[arg-type]  # numpy types the first keyword as a flag
    for line in (*(f"measure 'odd\x9b2J.npz' --format {form}" for form in ("table", "json", "csv")), "runs list"):
        ended = run(line)
        assert not set("\x1b\x9b\x7f") & set(ended.out + ended.err)
    (record,) = run("runs list").records
    assert record["layers"][0]["name"] == "a\ufffd[2Jb"
    assert record["config"]["source"] == "odd\x9b2J.npz"
