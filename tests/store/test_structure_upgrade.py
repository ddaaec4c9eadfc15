"""Runs stored before structures were recognised get theirs from the stored Gram matrices."""

from pathlib import Path

from nccli.store import Store, run_records, save_run, select_runs
from tests.store.example_runs import example_run
from tests.store.plain_sql import plain


def test_an_older_run_is_the_same_as_one_stored_today(store: Store, path: Path) -> None:
    keys = [save_run(store, example_run(seed)) for seed in range(2)]
    keys.append(save_run(store, example_run(2, layers=[], status="diverged")))
    with store.read() as connection:
        runs = select_runs(connection, keys)
        records = run_records(connection, runs)
    with plain(path) as connection:
        connection.execute("DROP INDEX ix_run_setting_id")
        for column in ("setting", "mean_hidden_rank", "ranks_agree", "max_dnc1", "structure"):
            connection.execute(f"ALTER TABLE run DROP COLUMN {column}")
        for column in ("structure", "structure_distance", "structure_order"):
            connection.execute(f"ALTER TABLE layer DROP COLUMN {column}")
        connection.execute("UPDATE nccli_schema_version SET version_num = '0002'")
        connection.commit()
    with Store.open(str(path)).read() as connection:
        assert select_runs(connection, keys) == runs
        assert run_records(connection, runs) == records
