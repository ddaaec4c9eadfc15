"""The schema, as SQLModel tables. `run` and `layer` are made of the columns that the catalogue declares.

A change of these needs a migration; a test holds the two together.
"""

import types
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary
from sqlmodel import Field, SQLModel

from nccli.catalogue.columns import LAYER_COLUMNS, RUN_COLUMNS, Column, Type
from nccli.store.schema.column_types import JsonText, Real

COLUMN_TYPES: Mapping[Type, Any] = {
    Type.TEXT: sa.String,
    Type.INTEGER: sa.Integer,
    Type.LONG: sa.BigInteger,
    Type.NUMBER: sa.Float,
    Type.REAL: Real,
    Type.DOCUMENT: JsonText,
}


def _field(column: Column, key: Sequence[str], *more: Any) -> Any:
    is_key = column.name in key
    return Field(
        sa_column=sa.Column(
            column.name,
            COLUMN_TYPES[column.type](),
            *more,
            primary_key=is_key,
            nullable=not (column.required or is_key),
            index=column.index or None,
        )
    )


def _model(name: str, doc: str, fields: Mapping[str, Any], arguments: Any = ()) -> type[SQLModel]:
    """An SQLModel class of declared columns."""
    annotations = dict.fromkeys(fields, Any)
    body = {
        "__doc__": doc,
        "__module__": __name__,
        "__annotations__": annotations,
        "__table_args__": arguments,
        **fields,
    }
    made: type[SQLModel] = types.new_class(name, (SQLModel,), {"table": True}, lambda space: space.update(body))
    return made


Run = _model(
    "Run",
    "One run: what was asked for, how it ended, where it was made.",
    {column.name: _field(column, ("id",)) for column in RUN_COLUMNS},
    (Index("ix_run_setting_id", "setting", "id"), Index("ix_run_status_kind", "status", "kind")),
)

_LAYER_KEY = ("run_id", "layer", "stage")


def _owner(column: Column) -> list[sa.ForeignKey]:
    return [sa.ForeignKey("run.id", ondelete="CASCADE")] if column.name == "run_id" else []


Layer = _model(
    "Layer",
    "Metrics of one layer at one stage; NULL where one does not exist or was not measured.",
    {column.name: _field(column, _LAYER_KEY, *_owner(column)) for column in LAYER_COLUMNS},
)


class SingularValue(SQLModel, table=True):
    """Singular values of the class means, largest first, `index` from 1."""

    __tablename__ = "singular_value"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(
            ["run_id", "layer", "stage"], ["layer.run_id", "layer.layer", "layer.stage"], ondelete="CASCADE"
        ),
        {"sqlite_with_rowid": False},
    )

    run_id: str = Field(primary_key=True)
    layer: int = Field(primary_key=True)
    stage: str = Field(primary_key=True)
    index: int = Field(primary_key=True)
    value: float


class History(SQLModel, table=True):
    """Measurements during training, of which there are `points`, as a block of `nccli.store.blocks.history`."""

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE")
    points: int
    block: bytes = Field(sa_type=LargeBinary)


class Matrix(SQLModel, table=True):
    """Matrices of some layers, from `layer` on, as a block of `nccli.store.blocks.matrices`.

    `class_means` are d × K, as in the paper; `weights` W_l stand at (l, post), the layer that they read.
    """

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE")
    name: str = Field(primary_key=True)
    layer: int = Field(primary_key=True)
    block: bytes = Field(sa_type=LargeBinary)


class Worker(SQLModel, table=True):
    """A process that is training: where it is, how to tell whether it lives, and when it last said so (UTC).

    `place` tells apart what shares a host name: boots, and containers with process numbers of their own.
    `process_start` tells a process from a later one with the same number.
    """

    id: str = Field(primary_key=True)
    host: str
    place: str
    pid: int
    process_start: str
    heartbeat: str


class Claim(SQLModel, table=True):
    """A run in training, and by whom. It goes when the run is stored."""

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE")
    worker_id: str = Field(foreign_key="worker.id", ondelete="CASCADE", index=True)


def _table(model: type[SQLModel]) -> sa.Table:
    table: sa.Table = model.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
    return table


RUN, LAYER, SINGULAR_VALUE = _table(Run), _table(Layer), _table(SingularValue)
HISTORY, MATRIX, WORKER, CLAIM = _table(History), _table(Matrix), _table(Worker), _table(Claim)

CHILDREN: Mapping[str, sa.Table] = {table.name: table for table in (LAYER, SINGULAR_VALUE, HISTORY, MATRIX)}
"""Tables whose rows belong to a run, parents before their children, by name."""

TABLES: Mapping[str, sa.Table] = {RUN.name: RUN, **CHILDREN}
"""The tables that hold runs, by name."""
