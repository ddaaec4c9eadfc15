"""Constructions: kinds, variants, graphs, grids, and what is said of a trivial optimum."""

from typing import Any

import pytest

from tests.cli.command import Nccli
from tests.cli.sql import query


def built(run: Nccli, *options: str) -> list[dict[str, Any]]:
    """Records of the points that several commands build, one each."""
    ended = run.all(f"construct {each} --format jsonl --quiet" for each in options)
    return [record for each in ended.values() for record in each.records]


def test_dnc_has_full_rank_and_srg_the_number_of_vertices(run: Nccli) -> None:
    dnc, srg = built(run, "--kind dnc --K 10 --L 4", "--kind srg --K 10 --L 4")
    ranks = [[layer["rank"] for layer in record["layers"] if layer["stage"] == "post"] for record in (dnc, srg)]
    assert ranks == [[10, 10, 10, 10], [5, 5, 5, 10]]
    assert dnc["ratio_dnc"] == srg["ratio_srg"] == 1
    assert srg["loss"] < dnc["loss"]


def test_a_grid_makes_a_point_for_every_combination_and_a_point_is_made_once(run: Nccli) -> None:
    line = "construct --kind srg --K 6,10 --L 3..4 --wd 1e-3,2e-3"
    ids = run(line).ids
    assert len(set(ids)) == 2 * 2 * 2
    created = query(run.folder / "nccli.db", "SELECT id, created FROM run ORDER BY id")
    assert run(line).ids == ids
    assert query(run.folder / "nccli.db", "SELECT id, created FROM run ORDER BY id") == created
    assert run(f"{line} --force").ids == ids
    assert query(run.folder / "nccli.db", "SELECT id, created FROM run ORDER BY id") != created


def test_without_a_variant_the_better_one_is_built(run: Nccli) -> None:
    variants = ("--variant blocks", "--variant truncated", "")
    blocks, truncated, chosen = built(run, *(f"--kind srg --K 8 --L 4 {variant}" for variant in variants))
    assert blocks["loss"] != truncated["loss"]
    assert chosen["id"] == min(blocks, truncated, key=lambda record: record["loss"])["id"]


def test_a_graph_by_name_is_the_same_run_as_its_edges(run: Nccli) -> None:
    named, listed = built(run, *(f"--kind graph --graph {graph}" for graph in ("square", "0-1,0-3,1-2,2-3")))
    assert named["K"] == 4
    assert named["id"] == listed["id"]


def test_deleted_edges_and_a_trivial_optimum_are_noted(run: Nccli) -> None:
    truncated, trivial = run.all(
        [
            "construct --kind srg --variant truncated --K 9 --L 3 --format jsonl",
            "construct --kind dnc --K 10 --wd 0.5 --format jsonl",
        ]
    ).values()
    assert truncated.err.startswith("note: ")
    assert truncated.err.endswith("deleted edges of K_5: 3-4\n")
    assert trivial.records[0]["loss"] == 0.5
    assert "its optimum is the trivial point" in trivial.err


def test_bipartition_rows_are_stored_and_compared_beside_srg(run: Nccli) -> None:
    best, of_srg, srg = built(
        run,
        "--kind bipartition --K 15 --L 4 --n 1 --wd 4e-3",
        "--kind bipartition --s 4 --K 15 --L 4 --n 1 --wd 4e-3",
        "--kind srg --K 15 --L 4 --n 1 --wd 4e-3",
    )
    assert f"{best['loss']:.12f}" == "0.109809509464"
    assert of_srg["loss"] == pytest.approx(srg["loss"], rel=1e-12)
    assert len({record["id"] for record in (best, of_srg, srg)}) == 3
    ranks = [[layer["rank"] for layer in record["layers"] if layer["stage"] == "post"] for record in (best, srg)]
    assert ranks == [[6, 6, 6, 15], [6, 6, 6, 15]]
    ids = f"{best['id']} {srg['id']}"
    compared = {row["id"]: row for row in run(f"compare {ids} --format jsonl").records}
    assert f"{compared[best['id']]['ratio_srg']:.6f}" == "0.948146"
    assert compared[srg["id"]]["best_id"] == best["id"]
    shares = {(layer["layer"], layer["stage"]): layer["negative_share"] for layer in best["layers"]}
    assert 0 < shares[4, "pre"] < 1
    assert {share for key, share in shares.items() if key[1] == "post"} == {None}
    assert [shares[each, "pre"] for each in (2, 3)] == pytest.approx([0, 0], abs=1e-25)
    bar = (shares[4, "pre"] + 1) / 2
    assert "no run matches" in run(f"runs list --where 'max.negative_share>{bar}'", code=3).err
    assert best["id"] in run("runs list --where 'max.negative_share>0.01' --format ids").ids


def test_a_dry_run_prints_what_the_run_will_print_and_writes_nothing(run: Nccli) -> None:
    line = "construct --kind best --K 4..6 --L 3"
    planned = run(f"{line} --dry-run")
    assert list(run.folder.iterdir()) == []
    assert planned.ids == run(line).ids


REFUSED = {
    "--kind dnc --variant blocks": "'blocks'",
    "--kind graph --graph nonsense": "'nonsense'",
    "--kind graph --graph square --K 5": "--K 5",
    "--kind srg --K 10 --s 3": "--s '3': srg takes none; bipartition does",
    "--kind bipartition --K 12": "K = 12",
    "--kind hypergraph": "needs --graph",
    "--kind hypergraph --graph {0},{1},{0,1} --K 4": "--K 4: the hypergraph has 3 sets",
    "--kind bipartition --K 15 --s 6": "K = 15, s = 6: bipartition rows need",
}


def test_a_solution_that_does_not_exist_is_refused_by_name(run: Nccli) -> None:
    for ended, named in zip(
        run.all((f"construct {o}" for o in REFUSED), code=2).values(), REFUSED.values(), strict=True
    ):
        assert ended.err.startswith("nccli: ")
        assert named in ended.err
        assert len(ended.err.splitlines()) == 1
    assert list(run.folder.iterdir()) == []
