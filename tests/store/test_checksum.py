"""Whatever is changed in the rows of a run behind nccli's back, its checksum does not fit any more."""

import math
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from nccli.catalogue.columns import Type
from nccli.store import Store, check_store, save_run
from nccli.store.runs.content import RunContent, read_contents
from nccli.store.runs.rules import RULES
from nccli.store.runs.save import content_of
from nccli.store.schema.checksum import damaged_runs
from tests.store.example_runs import example_run
from tests.store.revisions import add_revision

_KEYS = ("id", "layer", "stage", "index", "checksum", "status")
_ABSENT = {Type.TEXT: "abcdef012345", Type.INTEGER: 7, Type.NUMBER: 0.5, Type.DOCUMENT: "[1]"}


def content(store: Store, key: str) -> RunContent:
    with store.read() as connection:
        (found,) = read_contents(connection, [key])
    return found


def test_what_is_read_has_the_checksum_of_what_was_written(store: Store) -> None:
    run = example_run(1, loss=math.nan, fit=-0.0, reg=math.inf, loss_srg=None, host="Gödel")
    found = content(store, save_run(store, run))
    assert found.intact
    assert found.result == content_of(run).result
    assert found.checksum == found.run["checksum"]


@pytest.mark.parametrize("table", RULES)
def test_a_change_anywhere_is_seen(store: Store, table: str) -> None:
    key = save_run(store, example_run(0))
    for name in (name for name in RULES[table] if name not in _KEYS):
        with store.write() as connection:
            change = connection.begin_nested()
            _change(connection, table, name, key)
            assert damaged_runs(connection) == [key], name
            change.rollback()
            assert damaged_runs(connection) == [], name


def _change(connection: Connection, table: str, name: str, key: str) -> None:
    """Put another value into one cell of a run."""
    whose = "id" if table == "run" else "run_id"
    query = text(f'SELECT "{name}" FROM "{table}" WHERE {whose} = :key LIMIT 1')
    old = connection.execute(query, {"key": key}).scalar()
    new = _other(_ABSENT[RULES[table][name].kind] if old is None else old)
    update = f'UPDATE "{table}" SET "{name}" = :new WHERE {whose} = :key'
    if table != "run":
        first = {"layer": 1, "stage": "post", "index": 1}
        update += "".join(f' AND "{each}" = {first[each]!r}' for each in first if each in RULES[table])
    assert connection.execute(text(update), {"new": new, "key": key}).rowcount == 1


def _other(old: object) -> object:
    if isinstance(old, bytes | memoryview):
        return bytes([bytes(old)[0] ^ 1, *bytes(old)[1:]])
    if isinstance(old, float):
        return math.nextafter(old, 0.0 if math.isinf(old) else math.inf)
    if isinstance(old, int):
        return old + 7
    return f"{old} "


def test_a_run_in_training_needs_none_and_a_finished_one_does(store: Store) -> None:
    key = save_run(store, example_run(0))
    with store.write() as connection:
        connection.execute(text("UPDATE run SET checksum = NULL"))
    with store.read() as connection:
        assert damaged_runs(connection) == [key]
    with store.write() as connection:
        connection.execute(text("UPDATE run SET status = 'running'"))
    with store.read() as connection:
        assert damaged_runs(connection) == []


def test_an_upgrade_gives_checksums_and_hides_no_damage(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = (save_run(store, example_run(seed)) for seed in range(2))
    with store.write() as connection:
        connection.execute(text(f"UPDATE run SET loss = 0.123 WHERE id = '{bad}'"))
    add_revision(tmp_path, "op.execute(\"UPDATE run SET host = 'elsewhere'\")", monkeypatch)
    upgraded = Store.open(str(path))
    assert upgraded.upgraded_from is not None
    with upgraded.read() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM run WHERE host = 'elsewhere'")) == 2
        assert damaged_runs(connection) == [bad]
    (finding,) = (found for found in check_store(upgraded) if found.check == "damaged runs")
    assert set(finding.reasons) == {bad}
    assert good not in finding.reasons
