"""The store as a DataFrame: a row a run, a layer, or a singular value."""

import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nccli.catalogue.runs import RUNNING
from nccli.cli.call import warned
from nccli.errors import InputError, StoreError
from nccli.notebook.frame_columns import KINDS, Asked, array
from nccli.notebook.run_ids import run_ids

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Connection


def frame(
    where: str | None = None,
    of: str = "runs",
    *,
    runs: Any = None,
    store: "str | os.PathLike[str] | None" = None,
    columns: Sequence[str] | None = None,
) -> "pd.DataFrame":
    """Stored runs, their layers or their singular values, with the names and units of the store.

    Runs are in the order of `nccli runs list`, the newest first, or as `runs` has them; those in training are left out.
    Rows of layers and singular values carry `run_id`, and of their run what `--group-by` takes. Whole numbers that may
    be absent are nullable, words are categories, times are UTC; `attrs` has the meaning of each column and the units.

    Args:
        where: only runs with this, as `--where` takes it: "wd>=1e-3 and width=30".
        of: "runs", "layers" or "spectra".
        runs: only these: ids, unique prefixes or records, one or several.
        store: path or URL; by default NCCLI_STORE, or nccli.db here.
        columns: only these, in this order: columns of the rows, and of their run any.

    Raises:
        InputError: pandas is missing, or a condition, a column, an id or `of` is none.
        NothingFoundError: no store, an id of no run, or no run that matches.
        StoreError: the store cannot be read.

    Warns:
        nccli.errors.SomeRunsFailedWarning: some runs cannot be read, and are left out.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise InputError(f"nccli.frame needs pandas ({error.name}): pip install 'nccli[notebook]'") from error
    if of not in KINDS:
        raise InputError(f"of='{of}': must be {', '.join(KINDS)}")
    asked = Asked.of(of, columns)
    from nccli.cli.selection import selected_ids

    given = None if runs is None else _several(run_ids(runs))
    found: Mapping[str, Any] = {}
    with warned(1, lambda: bool(found)), _without_search_for_cycles():
        opened, ids = selected_ids(None if store is None else os.fspath(store), given, where)
        with opened.read() as connection:
            found = _read(connection, ids, asked)
    table = pd.DataFrame({name: found[name] for name in asked.names}, copy=False)
    table.attrs = {**asked.about, "store": opened.location, **({} if where is None else {"where": where})}
    return table


@contextmanager
def _without_search_for_cycles() -> Iterator[None]:
    """Rows have no cycles: measured, half of the time goes into the search for some."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _several(runs: Any) -> list[str]:
    """One or several ids as a list; no list is empty by accident."""
    found = [runs] if isinstance(runs, str) else list(runs)
    if not found:
        raise InputError("runs: an empty list has no run; leave it out for all")
    return found


def _read(connection: "Connection", ids: list[str], asked: Asked) -> Mapping[str, Any]:
    """Arrays by name; runs that cannot be read are named in a warning, and left out."""
    from nccli.cli.selection import readable_ids

    found = _arrays(connection, ids, asked)
    if found is None:
        found = _arrays(connection, readable_ids(connection, ids, asked.tables), asked, checked=True)
    if found is None:
        raise StoreError("the store cannot be read as it is: nccli store check says what is damaged")
    return found


def _arrays(connection: "Connection", ids: list[str], asked: Asked, checked: bool = False) -> Mapping[str, Any] | None:
    """Arrays by name; None where something is there that cannot be read."""
    import pandas as pd

    from nccli.store import layer_columns, run_columns, spectrum_columns

    runs = run_columns(connection, ids, (*asked.run_names, "status"), checked)
    if runs is None:
        return None
    statuses = runs.columns["status"] or ()
    ended = [i for i, row in enumerate(runs.order.tolist()) if statuses[row] != RUNNING]
    ids, of_run = [ids[i] for i in ended], runs.order[ended]
    if asked.kind == "runs":
        return {name: asked.of_runs(name, runs)[of_run] for name in asked.names}
    layers = layer_columns(connection, ids, asked.layer_names, checked)
    if layers is None:
        return None
    run, row, found = layers.run, layers.order, dict[str, Any]()
    if asked.kind == "spectra":
        spectra = spectrum_columns(connection, ids, layers, checked)
        if spectra is None:
            return None
        run, row = run[spectra.row], row[spectra.row]
        found = {"index": spectra.index, "value": spectra.value}
    for name in asked.names:
        if name == "run_id":
            found[name] = pd.Categorical.from_codes(run, categories=pd.Index(ids, dtype="str"))
        elif name in asked.layer_names:
            found[name] = array(asked.declared[name], layers.columns[name], len(layers.order))[row]
        elif name not in found:
            found[name] = asked.of_runs(name, runs)[of_run[run]]
    return found
