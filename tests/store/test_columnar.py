"""Columns of many runs are those of their rows, in the order asked for."""

from itertools import chain

from nccli.store import (
    Store,
    layer_columns,
    portions,
    run_columns,
    run_records,
    save_run,
    select_runs,
    spectrum_columns,
)
from tests.store.example_runs import example_run


def test_columns_are_those_of_records_in_the_order_of_the_ids(store: Store) -> None:
    ids = [save_run(store, example_run(seed, loss_srg=None if seed else 0.2)) for seed in range(4)][::-1]
    with store.read() as connection:
        records = run_records(connection, select_runs(connection, ids))
        runs = run_columns(connection, ids, ["seed", "loss", "loss_srg"])
        layers = layer_columns(connection, ids, ["rank", "structure"])
        assert runs is not None
        assert layers is not None
        spectra = spectrum_columns(connection, ids, layers)
        assert spectra is not None
        assert list(chain(*portions(connection, ids))) == ids
    for name in ("id", "seed", "loss", "loss_srg"):
        assert [(runs.columns[name] or ())[row] for row in runs.order] == [record[name] for record in records]
    of_layers = [(run, layer) for run, record in enumerate(records) for layer in record["layers"]]
    assert layers.run.tolist() == [run for run, _ in of_layers]
    for name in ("layer", "stage", "rank", "structure"):
        assert [(layers.columns[name] or ())[row] for row in layers.order] == [layer[name] for _, layer in of_layers]
    values = [
        (row, *each) for row, (_, layer) in enumerate(of_layers) for each in enumerate(layer["singular_values"], 1)
    ]
    assert list(zip(spectra.row.tolist(), spectra.index.tolist(), spectra.value.tolist(), strict=True)) == values


def test_without_runs_there_are_no_columns_and_no_portions(store: Store) -> None:
    with store.read() as connection:
        layers = layer_columns(connection, [], ["rank"])
        assert layers is not None
        assert len(layers.order) == 0
        spectra = spectrum_columns(connection, [], layers)
        assert spectra is not None
        assert len(spectra.value) == 0
        assert list(portions(connection, [])) == []
