"""Plain ends and finished ones on the command line: told apart, drawn when asked for, never averaged together."""

import pytest

from nccli.store import Store, save_run
from tests.cli.command import Nccli
from tests.store.example_runs import example_run

ENDS = ("plain", "certified")


@pytest.fixture
def ids(run: Nccli) -> dict[str, list[str]]:
    """Two weight decays with two seeds, plain and certified ends of each; one plain end has not settled."""
    made = Store.create(str(run.folder / "nccli.db"))
    found: dict[str, list[str]] = {finish: [] for finish in ENDS}
    for wd in (4e-3, 8e-3):
        for seed in range(2):
            for finish in ENDS:
                settled = int((wd, seed) != (4e-3, 0)) if finish == "plain" else None
                config = {"wd_layers": (wd,) * 3, "refine": finish == "certified"}
                loss = 0.2 + wd - (0.1 if finish == "certified" else 0.0)
                columns = {"loss": loss, "settled": settled, "residual": 1e-12 if finish == "certified" else None}
                found[finish].append(save_run(made, example_run(seed, config=config, finish=finish, **columns)))
    return found


def test_figures_draw_plain_ends_and_those_that_are_named(run: Nccli, ids: dict[str, list[str]]) -> None:
    def drawn(line: str, stdin: str = "") -> tuple[set[str], str]:
        ended = run(f"plot rank-vs-wd {line} -o r.svg --data r.json", stdin=stdin)
        rows = run.sh("cat r.json").out
        return {key for finish in ENDS for key in ids[finish] if key in rows}, ended.err

    plain, certified = (set(ids[finish]) for finish in ENDS)
    note = "4 runs left out, as figures draw plain ends: 4 certified (--where finish=certified draws them)"
    for line in ("", "--where K=4"):
        found, err = drawn(line)
        assert (found, note in err) == (plain, True)
    for line, wanted in (
        ("--where finish=certified", certified),
        ("--where finish!=polished", plain | certified),
        ("--where config.refine=yes", certified),
        (" ".join(certified), certified),
    ):
        found, err = drawn(line)
        assert (found, "left out" in err) == (wanted, False)
    assert drawn("-", "\n".join(certified))[0] == certified


def test_a_figure_without_plain_ends_says_which_there_are(run: Nccli, ids: dict[str, list[str]]) -> None:
    run(f"runs rm {' '.join(ids['plain'])} --yes")
    ended = run("plot spectra", code=3)
    assert "no plain end, but 4 certified (--where finish=certified draws them)" in ended.err


def test_figures_and_tables_count_what_has_not_settled(run: Nccli, ids: dict[str, list[str]]) -> None:
    assert "note: 1 of 4 runs has not settled" in run("plot spectra -o s.svg").err
    assert "note: 1 of 8 runs has not settled" in run("compare").err
    assert "settled" not in run("compare --where wd=8e-3").err
    table = run("compare --format table").out.splitlines()
    assert "end" in table[0].split()
    assert sum("certified" in line for line in table) == 4
    assert sum("unsettled" in line for line in table) == 1


@pytest.mark.parametrize("how", ["--group-by wd", "--outcomes --group-by wd"])
def test_groups_are_of_one_end_each(run: Nccli, ids: dict[str, list[str]], how: str) -> None:
    ended = run(f"compare {how}")
    assert [(group["wd"], group["finish"], group["runs"]) for group in ended.records] == [
        (wd, finish, 2) for wd in (4e-3, 8e-3) for finish in ("certified", "plain")
    ]
    assert [group["unsettled"] for group in ended.records] == [0, 1, 0, 0]
    assert "note: groups are of one finish each" in ended.err
    assert "mix runs" not in ended.err
    header = run(f"compare {how} --format table").out.splitlines()[0]
    assert "unsettled" in header
    assert "unsettled" not in run(f"compare {how} --format table --where wd=8e-3").out.splitlines()[0]


def test_groups_are_as_they_are_asked_for_where_the_end_is_named(run: Nccli, ids: dict[str, list[str]]) -> None:
    ended = run("compare --group-by finish,wd")
    assert [list(group)[:2] for group in ended.records] == [["finish", "wd"]] * 4
    assert "one finish each" not in ended.err
    plain = run("compare --group-by wd --where finish=plain")
    assert [(next(iter(group)), group["runs"]) for group in plain.records] == [("wd", 2)] * 2
    mixed = run("compare --group-by wd --where finish!=polished")
    assert [group["runs"] for group in mixed.records] == [4, 4]
    assert "groups mix runs of different finish" in mixed.err
    (whole,) = run("compare --outcomes --where finish=certified").records
    assert (whole["runs"], "finish" in whole) == (4, False)


def test_pairs_are_of_plain_ends_or_of_those_that_are_named(run: Nccli, ids: dict[str, list[str]]) -> None:
    ended = run("compare --group-by wd --paired seed")
    loss = ended.records[0]
    assert (loss["first_mean"], loss["pairs"], loss["unsettled"]) == (pytest.approx(0.204), 2, 1)
    assert "note: pairs are of plain ends, without 4 certified (--where finish=certified pairs these)" in ended.err
    other = run("compare --group-by wd --paired seed --where finish=certified")
    assert (other.records[0]["first_mean"], "pairs are" in other.err) == (pytest.approx(0.104), False)
    both = run("compare --group-by finish --paired seed --where wd=4e-3").records[0]
    assert (both["first"], both["second"]) == ({"finish": "certified"}, {"finish": "plain"})
    assert both["difference"] == pytest.approx(0.1)
