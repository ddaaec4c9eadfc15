"""Which columns a DataFrame of the store has, and the arrays that they are."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nccli.catalogue.columns import (
    GROUP,
    LAYER_COLUMNS,
    RUN_COLUMNS,
    VALUE_COLUMNS,
    Column,
    Role,
    Type,
    names,
)
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.store import RunColumns

_RATIOS = {"ratio_dnc": "loss_dnc", "ratio_srg": "loss_srg"}
"""Made of losses, as in records: loss over this."""

_LEFT_OUT = ("checksum",)


def _with_ratios() -> dict[str, Column]:
    found: dict[str, Column] = {}
    for column in RUN_COLUMNS:
        found[column.name] = column
        if column.name == "loss_srg":
            found |= {name: Column(name, Role.RESULT, Type.NUMBER, f"loss over {of}") for name, of in _RATIOS.items()}
    return {name: column for name, column in found.items() if name not in _LEFT_OUT}


_RUN = _with_ratios()
_LAYER = {column.name: column for column in LAYER_COLUMNS}
_VALUE = {column.name: column for column in VALUE_COLUMNS}

KINDS: Mapping[str, Mapping[str, Column]] = {
    "runs": _RUN,
    "layers": _LAYER,
    "spectra": {**{name: _VALUE[name] for name in ("run_id", "layer", "stage")}, "structure": _LAYER["structure"]}
    | {name: _VALUE[name] for name in ("index", "value")},
}
"""What rows may be of, and their own columns."""

_LISTS = 4096
"""A taste: lists that are parsed once."""


@dataclass(frozen=True)
class Asked:
    """Which columns somebody wants.

    Attributes:
        kind: of the rows, one of `KINDS`.
        names: of the columns, in order.
        declared: all columns that there are, by name.
    """

    kind: str
    names: Sequence[str]
    declared: Mapping[str, Column]

    @classmethod
    def of(cls, kind: str, columns: Sequence[str] | None) -> Self:
        """The columns asked for; for None the rows' own, and of their run what --group-by takes.

        Raises:
            InputError: no such column, or one twice.
        """
        own = KINDS[kind]
        declared = {**_RUN, **own}
        if columns is None:
            beside = () if kind == "runs" else tuple(name for name in names(GROUP) if name not in own)
            keys = tuple(own)[:1]
            return cls(kind, (*keys, *beside, *(name for name in own if name not in keys)), declared)
        if isinstance(columns, str):
            raise InputError(f"columns='{columns}': must be a list of names")
        for name in columns:
            if name not in declared:
                near = difflib.get_close_matches(str(name), declared, n=1)
                meant = f": did you mean '{near[0]}'?" if near else f"; there are {', '.join(declared)}"
                raise InputError(f"columns: {kind} have no column '{name}'{meant}")
        return cls(kind, tuple(dict.fromkeys(columns)), declared)

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that are read beside `run`."""
        return {"runs": (), "layers": ("layer",), "spectra": ("layer", "singular_value")}[self.kind]

    @property
    def layer_names(self) -> list[str]:
        """Columns of table `layer` among them."""
        own = set() if self.kind == "runs" else KINDS[self.kind].keys() & _LAYER.keys()
        return [name for name in self.names if name in own]

    @property
    def run_names(self) -> list[str]:
        """Columns of table `run` that are needed for them."""
        found = [name for name in self.names if self.kind == "runs" or name not in KINDS[self.kind]]
        needed = {name: ("loss", _RATIOS[name]) for name in found if name in _RATIOS}
        return list(dict.fromkeys(each for name in found for each in needed.get(name, (name,))))

    @property
    def about(self) -> Mapping[str, Mapping[str, str]]:
        """Meaning of the columns, and units of those that have one."""
        columns = [self.declared[name] for name in self.names]
        return {
            "descriptions": {column.name: column.means for column in columns},
            "units": {column.name: column.unit for column in columns if column.unit},
        }

    def of_runs(self, name: str, runs: "RunColumns") -> Any:
        """An array of a column of runs, or of what is made of some, in the order of their rows."""
        rows, columns = len(runs.columns["id"] or ()), runs.columns
        if name not in _RATIOS:
            return array(self.declared[name], columns[name], rows)
        loss, reference = (array(self.declared[each], columns[each], rows) for each in ("loss", _RATIOS[name]))
        return loss / reference


def array(column: Column, values: Sequence[Any] | None, rows: int) -> Any:
    """Values of a column as pandas has them, nan where a number is absent.

    Args:
        column: declares them.
        values: as the driver has them; None where no row has any.
        rows: how many there are.
    """
    import pandas as pd

    if column.type in (Type.NUMBER, Type.REAL):
        return np.full(rows, np.nan) if values is None else np.array(values, dtype=np.float64)
    if column.type in (Type.INTEGER, Type.LONG):
        if values is not None and column.required:
            return np.array(values, dtype=np.int64)
        absent = np.ones(rows, dtype=bool) if values is None else np.array([value is None for value in values])
        whole = np.zeros(rows, dtype=np.int64)
        if values is not None:
            whole[~absent] = [value for value in values if value is not None]
        return pd.arrays.IntegerArray(whole, absent)
    if column.time:
        return pd.to_datetime(pd.Series(values, dtype="str"), format="ISO8601", utc=True).array
    if column.type is Type.DOCUMENT and column.name != "config":
        lists = np.empty(rows, dtype=object)
        if values is not None:
            lists[:] = [None if text is None else _parsed(text) for text in values]
        return lists
    if column.name in ("id", "config"):
        return pd.array(values, dtype="str")
    if values is None:
        return pd.Categorical.from_codes(np.full(rows, -1, dtype=np.int8), categories=pd.Index([], dtype="str"))
    return pd.Categorical(pd.Series(values, dtype="str"))


@lru_cache(_LISTS)
def _parsed(text: str) -> tuple[int, ...]:
    """A list that the store keeps, of which equal ones are one object."""
    return tuple(json.loads(text))
