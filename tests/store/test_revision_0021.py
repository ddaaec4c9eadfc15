"""Stores from before widths below K were told apart: a rank that is the width is no low one, and DNC has no room."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import make_url

from nccli.metrics import LayerMetrics, measure_layers
from nccli.store import Store, check_store, save_run, select_runs
from nccli.store.connection.engine import make_engine
from nccli.store.schema.checksum import seal_runs
from tests.store.example_runs import STAGES, example_run
from tests.store.plain_sql import plain

LATER = {
    "run": ("class_counts", "imbalance", "schatten_gap"),
    "layer": ("output_rank", "output_etf_distance", "output_pairs_distance", "minority_collapse"),
}
"""Columns that came with this revision and after it."""


def narrow_layers(rank: int, seed: int) -> list[LayerMetrics]:
    """Of four classes and three neurons, all told apart as far as the store knows."""
    rng = np.random.default_rng(seed)
    means = [rng.normal(size=(4, rank)) @ rng.normal(size=(rank, 3)) for _ in STAGES]
    features = [(*stage, M) for stage, M in zip(STAGES, means, strict=True)]
    *layers, last = measure_layers(features, np.arange(4), [rng.normal(size=(3, 3))] * 2 + [rng.normal(size=(4, 3))])
    return [*layers, last.with_values(classes_kept=4)]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_rank_that_is_the_width_is_no_low_one_after_the_upgrade(store: Store, path: Path) -> None:
    full, low, wide = (
        save_run(store, example_run(seed, layers=layers, config={"width": width}, width=width))
        for seed, layers, width in ((0, narrow_layers(3, 0), 3), (1, narrow_layers(2, 1), 3), (2, None, 5))
    )
    with plain(path) as connection:
        connection.execute("UPDATE run SET outcome = 'low_rank', loss_dnc = 0.2, loss_srg = 0.1")
        connection.execute("UPDATE run SET outcome = 'full_rank' WHERE id = ?", [wide])
        for table, names in LATER.items():
            for name in names:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
        connection.execute("UPDATE nccli_schema_version SET version_num = '0020'")
        connection.commit()
    with make_engine(make_url(f"sqlite:///{path}"), 1.0).begin() as sealing:
        seal_runs(sealing, [full, low, wide])
    upgraded = Store.open(str(path))
    with upgraded.read() as connection:
        found = {run["id"]: (run["outcome"], run["loss_dnc"], run["loss_srg"]) for run in select_runs(connection)}
    assert found == {
        full: ("full_rank", None, None),
        low: ("low_rank", None, None),
        wide: ("full_rank", 0.2, 0.1),
    }
    assert [finding for finding in check_store(upgraded) if not finding.ok] == []
