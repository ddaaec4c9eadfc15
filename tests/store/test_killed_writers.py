"""A writer that is killed leaves whole runs only."""

from pathlib import Path

from nccli.store import Store, check_store, save_run
from tests.store.crowd import crowd
from tests.store.example_runs import STAGES, example_run
from tests.store.plain_sql import plain

KILLS = 20


def test_a_killed_writer_leaves_no_partial_run(store: Store, path: Path) -> None:
    save_run(store, example_run(seed=0, loss=0.0, history=[]))
    played = crowd("kill", path, KILLS)
    assert played.returncode == 0, played.stderr
    with plain(path) as connection:
        runs = connection.execute("SELECT id, CAST(loss AS INTEGER) FROM run").fetchall()
        counts = {
            table: dict(connection.execute(f"SELECT run_id, COUNT(*) FROM {table} GROUP BY run_id"))
            for table in ("layer", "singular_value", "matrix")
        }
        points = dict(connection.execute("SELECT run_id, points FROM history"))
    assert len(runs) > 1, "the writers were killed before they had written"
    for key, write in runs:
        assert counts["layer"][key] == len(STAGES)
        assert counts["singular_value"][key] == 4 * len(STAGES)
        assert counts["matrix"][key] == 1
        assert points.get(key, 0) == write % 4
    assert all(finding.ok for finding in check_store(Store.open(str(path))))
