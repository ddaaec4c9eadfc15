"""Stores as they were before histories and matrices became blocks."""

import json
from pathlib import Path

import numpy as np
from sqlalchemy import create_engine

from nccli.store import Store, read_contents
from nccli.store.exchange.portable import unpacked
from nccli.store.schema.checksum import run_ids, seal_runs
from nccli.store.schema.migrate import REVISIONS, migrations_folder
from tests.store.plain_sql import plain

BLOCKS = next(file.name[:4] for file in (migrations_folder() / "versions").glob("*_blocks.py"))
"""The revision that made blocks."""

BEFORE = REVISIONS[REVISIONS.index(BLOCKS) - 1]

_TABLES = """
DROP TABLE history;
DROP TABLE matrix;
CREATE TABLE history (run_id VARCHAR NOT NULL, step INTEGER NOT NULL, loss DOUBLE, fit DOUBLE, reg DOUBLE,
    grad_norm DOUBLE, dnc1 TEXT NOT NULL, rank TEXT NOT NULL, train_accuracy FLOAT, PRIMARY KEY (run_id, step),
    FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE) WITHOUT ROWID;
CREATE TABLE matrix (run_id VARCHAR NOT NULL, layer INTEGER NOT NULL, stage VARCHAR NOT NULL, name VARCHAR NOT NULL,
    shape TEXT NOT NULL, dtype VARCHAR NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (run_id, layer, stage, name),
    FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE);
"""


_SINGLE_LAYER = (
    *("least_entry", "centred_rank", "centred_effective_rank", "centred_stable_rank", "uniformity"),
    *("uniformity_variation", "nc0", "classifier_equinorm", "classifier_equiangularity", "classifier_etf_distance"),
    *("duality_cosine", "uniform_duality", "logit_norm", "logit_norm_variation", "nc5", "balancedness", "weight_rank"),
    *("weight_effective_rank", "weight_stable_rank", "weight_alpha", "feature_effective_rank", "feature_stable_rank"),
)
_LATER = {
    "run": (
        *("finish", "settled", "loss_drift", "spectral_drift", "radius", "parent"),
        *("split", "series", "step", "file", "steps_by", "found_by", "hypergraph"),
        *("verdict", "verdict_residual", "hessian_min", "hessian_max", "hessian_norm", "negative_directions"),
        *("flat_directions", "symmetries", "weak_kinks", "least_slope", "new_unit_gain", "verdict_proved"),
        *("class_counts", "imbalance", "schatten_gap"),
    ),
    "layer": (
        *("rank_gap", "output_rank", "output_etf_distance", "output_pairs_distance", "minority_collapse"),
        *_SINGLE_LAYER,
    ),
}
"""Columns that came after blocks."""


def without_blocks(path: Path) -> None:
    """Take a store back to the revision before blocks: rows, Gram matrices too."""
    with Store.open(str(path)).read() as connection:
        found = [unpacked(content) for content in read_contents(connection, run_ids(connection))]
    with plain(path) as connection:
        connection.executescript(_TABLES)
        for rows in found:
            (run,) = rows["run"]
            for row in rows["history"]:
                values = [json.dumps(value) if isinstance(value, list) else value for value in row.values()]
                connection.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [run["id"], *values])
            for row in rows["matrix"]:
                M = np.frombuffer(row["bytes"], row["dtype"]).reshape(row["shape"]).astype("<f8")
                for name, matrix in (("class_means", M), ("gram", M.T @ M)):
                    place = [run["id"], row["layer"], row["stage"], name, json.dumps(matrix.shape), "<f8"]
                    connection.execute("INSERT INTO matrix VALUES (?, ?, ?, ?, ?, ?, ?)", [*place, matrix.tobytes()])
        connection.execute("DROP INDEX ix_run_series")
        for table, names in _LATER.items():
            for name in names:
                connection.execute(f'ALTER TABLE "{table}" DROP COLUMN "{name}"')
        connection.execute("UPDATE nccli_schema_version SET version_num = ?", [BEFORE])
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as sealing:
        seal_runs(sealing, run_ids(sealing))
    engine.dispose()
