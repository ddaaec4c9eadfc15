"""An id is shortened to digits that no other run of the store begins with."""

from pathlib import Path

import pytest

from nccli.store import Store, digits_apart, find_ids, save_run
from nccli.store.query import id_digits
from tests.store.example_runs import example_run


@pytest.mark.parametrize("few", [0, 200])
def test_so_many_digits_name_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(id_digits, "_FEW", few)
    store = Store.create(str(tmp_path / "runs.db"))
    ids = [save_run(store, example_run(seed=seed)) for seed in range(12)]
    with store.read() as connection:
        digits = digits_apart(connection, ids, 1)
        assert find_ids(connection, [key[:digits] for key in ids]) == ids
        assert len({key[: digits - 1] for key in ids}) < len(ids)
        assert digits_apart(connection, ids[:1], 4) >= 4
