"""`compare --theory`: DNC against SRG in closed form, without a run or a store."""

import pytest

from tests.cli.command import Nccli

# Theory sheet, section 2: all weight decays 5e-4, n = 1.
CHECK_VALUES = {
    (3, 6): (0.00599549, 0.00633160, 1.056059),
    (3, 10): (0.00998747, 0.00921932, 0.923088),
    (4, 6): (0.00749549, 0.00722033, 0.963289),
    (4, 190): (0.23269796, 0.14724935, 0.632792),
}


def test_the_table_of_the_theory_sheet_comes_out_of_the_command(run: Nccli) -> None:
    records = run("compare --theory --K 6,10,190 --L 3,4 --wd 5e-4").records
    found = {(record["L"], record["K"]): record for record in records}
    assert len(found) == 6
    for key, (dnc, srg, ratio) in CHECK_VALUES.items():
        assert found[key]["loss_dnc"] == pytest.approx(dnc, abs=5.1e-9)
        assert found[key]["loss_srg"] == pytest.approx(srg, abs=5.1e-9)
        assert found[key]["ratio"] == pytest.approx(ratio, abs=5.1e-7)
        assert found[key]["winner"] == ("dnc" if ratio > 1 else "srg")
    assert list(run.folder.iterdir()) == []


def test_weight_decays_by_layer_and_samples_count(run: Nccli) -> None:
    (record,) = run("compare --theory --K 6 --L 3 --n 5 --wd-h1 5e-6 --wd-layers 1e-3,2e-3,3e-3").records
    assert (record["n"], record["wd"], record["wd_h1"], record["wd_layers"]) == (5, None, 5e-6, [1e-3, 2e-3, 3e-3])


def test_where_all_is_trivial_there_is_no_winner_and_without_srg_it_is_dnc(run: Nccli) -> None:
    trivial, small = run.all(["compare --theory --wd 0.5", "compare --theory --K 3"]).values()
    assert trivial.records[0]["winner"] == "trivial"
    assert small.records[0]["winner"] == "dnc"
    assert small.records[0]["loss_srg"] is None


def test_options_of_a_grid_without_theory_are_refused(run: Nccli) -> None:
    options = ["--K 10", "--n 1", "--wd-h1 1e-3", "--wd-layers 1e-3,1e-3"]
    for line, ended in run.all((f"compare {option}" for option in options), code=2).items():
        assert ended.err.startswith(f"nccli: {line.split()[1]} belongs to --theory")


def test_theory_takes_no_runs(run: Nccli) -> None:
    lines = [f"compare --theory {option}" for option in ("--where K=10", "--group-by wd", "abc123")]
    assert all(ended.err.startswith("nccli: --theory ") for ended in run.all(lines, code=2).values())
