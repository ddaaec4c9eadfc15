"""Runs stored before structures were recognised get theirs from the stored Gram matrices."""

from pathlib import Path

import pytest

from nccli.catalogue.runs import RESULT_VERSIONS
from nccli.store import Store, run_records, save_run, select_runs
from tests.store.before_blocks import without_blocks
from tests.store.example_runs import double_run
from tests.store.plain_sql import plain

SINCE = {
    "run": "setting mean_hidden_rank ranks_agree max_dnc1 structure "
    "dataset backbone reg_kind epochs train_accuracy test_accuracy objective result_version checksum precision tag "
    "outcome classes_kept srg_r",
    "layer": "structure structure_distance structure_order "
    "nc1_pinv cdnv equinorm equiangularity etf_distance frame_distance self_duality nc4 name negative_share "
    "classes_kept",
    "history": "train_accuracy",
}
"""Columns that schema 0002 did not have."""


def test_an_older_run_is_the_same_as_one_stored_today(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RESULT_VERSIONS, "dufm", 1)  # as it was then
    keys = [save_run(store, double_run(seed)) for seed in range(2)]
    keys.append(save_run(store, double_run(2, layers=[], status="diverged")))
    with store.read() as connection:
        runs = select_runs(connection, keys)
        records = run_records(connection, runs)
    without_blocks(path)
    with plain(path) as connection:
        for index in ("ix_run_setting_id", "ix_run_status_kind", "ix_run_tag"):
            connection.execute(f"DROP INDEX {index}")
        connection.execute("DROP VIEW spectrum")
        for table in ("claim", "worker"):
            connection.execute(f"DROP TABLE {table}")
        for table, columns in SINCE.items():
            for column in columns.split():
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("UPDATE nccli_schema_version SET version_num = '0002'")
        connection.commit()
    with Store.open(str(path)).read() as connection:
        assert select_runs(connection, keys) == runs
        assert run_records(connection, runs) == records
