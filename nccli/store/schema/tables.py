"""The schema, as SQLModel tables. A change here needs a migration beside it; a test holds the two together."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary
from sqlmodel import Field, SQLModel

from nccli.store.schema.column_types import JsonText, Real

_Blob = bytes  # the column is called bytes


class Run(SQLModel, table=True):
    """One run: what was asked for, how it ended, where it was made.

    `wd` is λ_{W_l} when all layers share it, else NULL. `steps` is what was taken, the budget stands in `config`.
    `collapsed_at` is the step from which a run went on as its class means. `residual` is the norm of the smallest
    element found of the subdifferential at a refined point, which has `kinks` pre-activations that are zero.
    `loss_srg` is NULL where no SRG solution exists (K < 4). Where there is no equivalent DUFM, `loss_dnc` is NULL too:
    with standard weight decay, whose `wd_h1` is 0, and for features that somebody else made, whose `wd_h1` is NULL.
    `reg_kind` is "dufm" or "standard". Times are UTC, ISO 8601; `created` is when it was stored.
    `setting` is the same for runs that differ in nothing but the seed. `mean_hidden_rank`, `ranks_agree` (0 or 1),
    `structure` ("mixed" where the layers differ) are of the hidden layers, `max_dnc1` of all; they sum up table
    `layer`, so that groups of runs need no other table, and are NULL where a run has no layers.
    """

    __table_args__: ClassVar[Any] = (
        Index("ix_run_setting_id", "setting", "id"),
        Index("ix_run_status_kind", "status", "kind"),
    )

    id: str = Field(primary_key=True)
    kind: str = Field(index=True)
    status: str
    K: int
    L: int
    n: int
    width: int
    wd: float | None = Field(default=None, index=True)
    wd_h1: float | None = None
    lr: float | None = None
    seed: int | None = Field(default=None, sa_type=BigInteger)
    activation: str
    steps: int
    loss: float = Field(sa_type=Real, nullable=True)
    fit: float = Field(sa_type=Real, nullable=True)
    reg: float = Field(sa_type=Real, nullable=True)
    loss_dnc: float | None = None
    loss_srg: float | None = None
    grad_norm: float = Field(sa_type=Real, nullable=True)
    seconds: float
    device: str
    dtype: str
    torch_version: str | None = None
    nccli_version: str
    host: str
    started: str
    created: str = Field(index=True)
    config: Any = Field(sa_type=JsonText, nullable=False)
    optimizer: str | None = None
    collapsed_at: int | None = None
    residual: float | None = None
    kinks: int | None = None
    setting: str | None = None
    mean_hidden_rank: float | None = None
    ranks_agree: int | None = None
    max_dnc1: float | None = None
    structure: str | None = None
    dataset: str | None = None
    backbone: str | None = None
    reg_kind: str | None = None
    epochs: int | None = None
    train_accuracy: float | None = None
    test_accuracy: float | None = None


class Layer(SQLModel, table=True):
    """Metrics of one layer at one stage ("pre" or "post"). `dnc3` is NULL for stage "pre".

    `structure_order` is the permutation that `structure` was recognised with: a JSON list of classes.
    From `nc1_pinv` on: the single-layer set of `nccli.metrics.CollapseMetrics`, NULL where it was not measured.
    `name` is the module, in a network that is not numbered by l.
    """

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE")
    layer: int = Field(primary_key=True)
    stage: str = Field(primary_key=True)
    dnc1: float = Field(sa_type=Real, nullable=True)
    dnc2: float = Field(sa_type=Real, nullable=True)
    dnc3: float | None = None
    rank: int
    effective_rank: float
    stable_rank: float
    nuclear_norm: float
    structure: str | None = None
    structure_distance: float | None = None
    structure_order: Any = Field(default=None, sa_type=JsonText, nullable=True)
    nc1_pinv: float | None = None
    cdnv: float | None = None
    equinorm: float | None = None
    equiangularity: float | None = None
    etf_distance: float | None = None
    frame_distance: float | None = None
    self_duality: float | None = None
    nc4: float | None = None
    name: str | None = None


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
    """Measurements during training; `dnc1` and `rank` are JSON lists over (1, post), (2, pre), (2, post), …"""

    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE")
    step: int = Field(primary_key=True)
    loss: float = Field(sa_type=Real, nullable=True)
    fit: float = Field(sa_type=Real, nullable=True)
    reg: float = Field(sa_type=Real, nullable=True)
    grad_norm: float = Field(sa_type=Real, nullable=True)
    dnc1: Any = Field(sa_type=JsonText, nullable=False)
    rank: Any = Field(sa_type=JsonText, nullable=False)
    train_accuracy: float | None = None


class Matrix(SQLModel, table=True):
    """A matrix as little-endian bytes in row-major order; `class_means` is d × K and `gram` K × K, as in the paper."""

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE")
    layer: int = Field(primary_key=True)
    stage: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    shape: Any = Field(sa_type=JsonText, nullable=False)
    dtype: str
    bytes: _Blob = Field(sa_type=LargeBinary)


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
