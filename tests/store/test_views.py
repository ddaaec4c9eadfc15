"""A person can ask the store in plain SQL."""

import json
import math
import sqlite3
from pathlib import Path

import pytest

from nccli.store import Store, comparison_records, save_run, select_runs
from tests.store.example_runs import example_history, example_layers, example_run
from tests.store.plain_sql import plain


def test_run_summary_gives_ratios_and_ranks(store: Store, path: Path) -> None:
    key = save_run(store, example_run(layers=example_layers(0, rank=2), loss=0.15, loss_dnc=0.2, loss_srg=0.12))
    with store.read() as connection:
        (record,) = comparison_records(connection, select_runs(connection), rank_rtol=1e-2)
    with plain(path) as connection:
        connection.row_factory = sqlite3.Row
        (row,) = connection.execute("SELECT * FROM run_summary").fetchall()
    assert row["id"] == key
    assert (row["kind"], row["status"], row["K"], row["L"], row["width"]) == ("dufm", "stopped", 4, 3, 5)
    assert row["ratio_dnc"] == pytest.approx(0.75)
    assert row["ratio_srg"] == pytest.approx(1.25)
    assert row["mean_hidden_rank"] == record["mean_rank"] == 2
    assert row["max_dnc1"] == record["max_dnc1"]


def test_run_summary_has_nothing_where_there_is_nothing(store: Store, path: Path) -> None:
    save_run(store, example_run(status="diverged", loss=math.nan, loss_srg=None, layers=[], history=[]))
    with plain(path) as connection:
        columns = "ratio_dnc, ratio_srg, mean_hidden_rank, max_dnc1"
        assert connection.execute(f"SELECT {columns} FROM run_summary").fetchall() == [(None,) * 4]


def test_nan_enters_no_average(store: Store, path: Path) -> None:
    for seed, loss in enumerate((0.1, 0.3, math.nan)):
        save_run(store, example_run(seed, loss=loss))
    with plain(path) as connection:
        assert connection.execute("SELECT AVG(loss) FROM run_summary").fetchone() == pytest.approx((0.2,))


def test_spectrum_lists_singular_values_largest_first(store: Store, path: Path) -> None:
    run = example_run()
    key = save_run(store, run)
    with plain(path) as connection:
        where = "id = ? AND layer = 2 AND stage = 'post' ORDER BY \"index\""
        rows = connection.execute(f'SELECT "index", value FROM spectrum WHERE {where}', [key]).fetchall()
        assert connection.execute("SELECT COUNT(*) FROM spectrum").fetchone() == (4 * len(run.layers),)
    (layer,) = (layer for layer in run.layers if (layer.layer, layer.stage) == (2, "post"))
    assert rows == list(enumerate(layer.singular_values.tolist(), 1))


def test_a_singular_value_says_of_which_setting_and_structure_it_is(store: Store, path: Path) -> None:
    key = save_run(store, example_run())
    of_run = ("kind", "K", "L", "n", "width", "wd", "wd_h1", "lr", "seed")
    with plain(path) as connection:
        said = connection.execute(f"SELECT DISTINCT run_id, id, {', '.join(of_run)} FROM spectrum").fetchall()
        assert said == connection.execute(f"SELECT id, id, {', '.join(of_run)} FROM run WHERE id = ?", [key]).fetchall()
        query = "SELECT {} run_id, layer, stage, structure FROM {} ORDER BY run_id, layer, stage"
        of_values = connection.execute(query.format("DISTINCT", "spectrum")).fetchall()
        assert of_values == connection.execute(query.format("", "layer")).fetchall()
        columns = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('singular_value')")}
        assert columns <= {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('spectrum')")}


def test_configuration_is_json_to_sqlite_and_the_length_of_a_history_a_number(store: Store, path: Path) -> None:
    save_run(store, example_run(config={"epsilon": 0.05, "activation": "relu-eps"}, history=example_history(5)))
    with plain(path) as connection:
        assert connection.execute("SELECT json_extract(config, '$.epsilon') FROM run").fetchone() == (0.05,)
        assert connection.execute("SELECT points FROM history").fetchone() == (5,)
        (text,) = connection.execute("SELECT config FROM run").fetchone()
    assert list(json.loads(text)) == sorted(json.loads(text))
