"""Runs against the DNC and SRG losses of their problem, one by one and in groups."""

import numpy as np
import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.sql import query


def test_ratios_are_the_loss_over_the_losses_of_theory(grid: Made, run: Nccli) -> None:
    stored = {row["id"]: row for row in query(grid.path, "SELECT id, loss, loss_dnc, loss_srg FROM run")}
    records = run(f"compare --store {grid.path}").records
    assert {record["id"] for record in records} == set(grid.ids)
    for record in records:
        row = stored[record["id"]]
        assert record["ratio_dnc"] == row["loss"] / row["loss_dnc"]
        assert record["ratio_srg"] == row["loss"] / row["loss_srg"]
        assert record["below_dnc"] == (row["loss"] < row["loss_dnc"])


def test_ranks_are_counted_at_the_tolerance_asked_for(grid: Made, run: Nccli) -> None:
    tolerance = 0.5
    (record,) = run(f"compare {grid.ids[0]} --rank-rtol {tolerance} --store {grid.path}").records
    sql = "SELECT layer, value FROM singular_value WHERE run_id = ? AND stage = 'post' ORDER BY layer"
    spectra = query(grid.path, sql, grid.ids[0])
    expected = []
    for layer in (1, 2, 3):
        values = np.array([row["value"] for row in spectra if row["layer"] == layer])
        expected.append(int(np.sum(values > tolerance * values.max())))
    assert record["ranks"] == expected
    assert record["mean_rank"] == expected[1]


def test_groups_have_the_mean_sd_and_range_of_their_runs(grid: Made, run: Nccli) -> None:
    lines = [f"compare --store {grid.path}", f"compare --group-by wd --store {grid.path}"]
    runs, groups = (ended.records for ended in run.all(lines).values())
    assert [group["wd"] for group in groups] == [2e-3, 4e-3]
    for group in groups:
        members = [record for record in runs if record["wd"] == group["wd"]]
        assert group["runs"] == len(members) == 2
        for quantity in ("loss", "ratio_dnc", "ratio_srg", "mean_rank"):
            values = np.array([record[quantity] for record in members])
            assert group[f"{quantity}_mean"] == pytest.approx(values.mean(), rel=1e-14)
            assert group[f"{quantity}_sd"] == pytest.approx(values.std(ddof=1), rel=1e-12, abs=1e-15)
            assert (group[f"{quantity}_min"], group[f"{quantity}_max"]) == (values.min(), values.max())
        assert group["share_below_dnc"] == np.mean([record["below_dnc"] for record in members])


def test_groups_that_mix_settings_say_so(grid: Made, run: Nccli) -> None:
    ended = run(f"compare --group-by seed --store {grid.path}")
    assert ended.err.startswith("note: groups mix runs of different wd")
    assert [group["runs"] for group in ended.records] == [2, 2]
