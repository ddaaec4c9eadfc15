"""The real networks that are kept below examples/: today's runs, from which the paper's figures are drawn."""

import json
from pathlib import Path

import pytest

from nccli.e2e.config import E2eConfig
from nccli.sweep.plan import id_of
from tests.cli.command import Nccli
from tests.cli.sql import query

KEPT = Path(__file__).parents[2] / "examples" / "networks.db"


@pytest.fixture
def store() -> Path:
    """As it is committed: it is sealed."""
    return KEPT


def test_the_store_is_small_and_its_ids_are_those_of_todays_configurations(store: Path) -> None:
    assert store.stat().st_size <= 5_000_000
    rows = query(store, "SELECT id, status, config FROM run WHERE kind = 'e2e'")
    assert rows
    for row in rows:
        assert row["status"] == "stopped"
        assert id_of(E2eConfig.from_dict(json.loads(row["config"]))) == row["id"]


@pytest.mark.parametrize(
    "figure", [*(pytest.param(name, marks=pytest.mark.long) for name in ("fig2", "fig4")), "fig9", "fig10"]
)
def test_the_figures_of_sections_6_2_and_6_3_are_drawn_from_it(run: Nccli, store: Path, figure: str) -> None:
    run(
        f"plot {figure} --store {store} --data {figure}.csv -o {figure}.svg"
        + (" --where 'kind=dufm or lr=1'" if figure == "fig2" else "")
    )
    assert (run.folder / f"{figure}.svg").stat().st_size > 5000


def test_every_network_of_6_2_keeps_its_classes_and_ends_near_or_below_neural_collapse(run: Nccli, store: Path) -> None:
    where = "kind=e2e and reg_kind=dufm and wd=5e-3 and lr=1"
    records = run(f"runs list --store {store} --format jsonl --where '{where}'").records
    assert len(records) == 15
    assert {record["dataset"] for record in records} == {"digits", "mnist", "cifar10"}
    for record in records:
        assert record["train_accuracy"] == 1.0
        assert record["ratio_dnc"] <= 1.02
        assert record["dataset"] != "cifar10" or record["ratio_dnc"] < 1
