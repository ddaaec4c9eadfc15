"""The columns of tables `run` and `layer`: what each holds, what role it plays, where it is shown.

Tables, saving, records, merging, queries, completion, tables on the terminal and the guide derive from these. A new
column is a line here, a migration, and the code that knows its value.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any

from nccli.catalogue.metrics import METRICS
from nccli.catalogue.options import ObjectiveName, Split
from nccli.catalogue.outcomes import Outcome
from nccli.catalogue.runs import MEASURED_KINDS, STEPS_BY, Finish, Kind, Status, StepsBy
from nccli.catalogue.stages import When
from nccli.catalogue.verdicts import Verdict


class Role(StrEnum):
    """What a column says of a run."""

    KEY = "key"  # which run
    PROBLEM = "problem"  # what was minimised
    OPTION = "option"  # how
    RESULT = "result"  # what came of it
    PROVENANCE = "provenance"  # where and when it was made, and nothing of the result
    SUMMARY = "summary"  # sums up table `layer`
    LATER = "later"  # what a command of its own found out about its point


class Type(Enum):
    """What a column holds."""

    TEXT = auto()
    INTEGER = auto()
    LONG = auto()  # an integer of 64 bits
    NUMBER = auto()  # may be absent
    REAL = auto()  # always there: nan is NULL in the database
    DOCUMENT = auto()  # JSON


class Shown(StrEnum):
    """Where a column stands, beside the store."""

    RECORD = "record"  # the JSON record of a run
    DATA = "data"  # the record of a run that saw data
    COMPARE = "compare"  # the record of `nccli compare`
    GROUP = "group"  # --group-by


RECORD, DATA, COMPARE, GROUP = Shown.RECORD, Shown.DATA, Shown.COMPARE, Shown.GROUP


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: in the database, in records and in queries.
        role: what it says.
        type: what it holds.
        means: one line of meaning.
        header: on the terminal; its name by default.
        shown: where else it stands.
        required: whether every run has it.
        index: whether the database finds runs by it.
        option: of the configuration that says the same, where it has another name.
        before: what runs have that were stored before there was this column, by kind.
        low, high: range of a number; where `high` is no infinity, neither is the number.
        choices: all that a text can be; any if empty.
        pattern: regular expression that a text matches as a whole.
        any_case: whether a query may write its words, which are of small letters, in others.
        many: whether it is names with commas between them, and equal to each of them in a query.
        unit: of a number that has one.
    """

    name: str
    role: Role
    type: Type
    means: str
    header: str = ""
    shown: tuple[Shown, ...] = ()
    required: bool = False
    index: bool = False
    option: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    pattern: str = ""
    any_case: bool = False
    many: bool = False
    unit: str = ""

    @property
    def title(self) -> str:
        """Header on the terminal."""
        return self.header or self.name

    @property
    def time(self) -> bool:
        """Whether it is a moment, in UTC, as ISO 8601 writes it."""
        return self.pattern == _TIME

    @property
    def decimal(self) -> bool:
        """Whether it is a setting that is no whole number: what arithmetic leaves behind it makes no other setting."""
        return self.type is Type.NUMBER and self.role in (Role.PROBLEM, Role.OPTION)


_KEY, _PROBLEM, _OPTION, _RESULT, _PROVENANCE, _SUMMARY, _LATER = Role
_TEXT, _INTEGER, _LONG, _NUMBER, _REAL, _DOCUMENT = Type
_COMPUTED = tuple(kind.value for kind in Kind if kind.value not in MEASURED_KINDS)

_LARGEST, _LEAST = sys.float_info.max, math.ulp(0.0)
_ID, _TIME = r"[0-9a-f]{12}", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"
_SERIES = r"[^\s,]([^,]{0,98}[^\s,])?"
_MOST_CLASSES, _MOST_LAYERS, _MOST_SIZE = 10**6, 10**5, 2**31 - 1
"""More classes and layers than any run has whose matrices some machine holds; the largest integer of a column."""


def _size(name: str, means: str, high: int, header: str = "") -> Column:
    shown = (RECORD, COMPARE, GROUP)
    return Column(name, _PROBLEM, _INTEGER, means, header=header, shown=shown, required=True, low=1, high=high)


def _judged(name: str, means: str, low: float = -math.inf) -> Column:
    return Column(name, _LATER, _NUMBER, means, shown=(RECORD,), low=low, high=_LARGEST)


def _counted(name: str, means: str, high: int = _MOST_SIZE) -> Column:
    return Column(name, _LATER, _INTEGER, means, shown=(RECORD,), low=0, high=high)


RUN_COLUMNS: tuple[Column, ...] = (
    Column(
        "id",
        _KEY,
        _TEXT,
        "12 hex digits, a hash of what was asked for",
        shown=(RECORD, COMPARE),
        required=True,
        pattern=_ID,
    ),
    Column(
        "kind",
        _PROBLEM,
        _TEXT,
        "dufm, e2e (trained), dnc, srg, graph, bipartition, hypergraph (constructed), search, features, network "
        "(measured)",
        shown=(RECORD, COMPARE, GROUP),
        required=True,
        index=True,
        choices=tuple(kind.value for kind in Kind),
    ),
    Column(
        "status",
        _RESULT,
        _TEXT,
        "how it ended",
        shown=(RECORD, COMPARE, GROUP),
        required=True,
        choices=tuple(status.value for status in Status),
    ),
    _size("K", "classes", _MOST_CLASSES),
    _size("L", "weight matrices", _MOST_LAYERS),
    _size("n", "samples a class; of a run with class_counts the largest of them", _MOST_SIZE),
    _size("width", "width d", _MOST_SIZE, header="d"),
    Column(
        "wd",
        _PROBLEM,
        _NUMBER,
        "λ_{W_l}, where all layers share it, else NULL",
        header="λ",
        shown=(RECORD, COMPARE, GROUP),
        index=True,
        low=0.0,
        high=_LARGEST,
    ),
    Column(
        "wd_h1",
        _PROBLEM,
        _NUMBER,
        "λ_{H_1}; 0 with standard weight decay, NULL for features that somebody else made",
        header="λ_H1",
        shown=(COMPARE, GROUP),
        low=0.0,
        high=_LARGEST,
    ),
    Column("lr", _OPTION, _NUMBER, "learning rate", shown=(RECORD, COMPARE, GROUP), low=0.0, high=_LARGEST),
    Column("seed", _OPTION, _LONG, "of the initial point", shown=(RECORD, COMPARE, GROUP)),
    Column("activation", _OPTION, _TEXT, "σ", shown=(COMPARE, GROUP), required=True),
    Column(
        "steps",
        _RESULT,
        _INTEGER,
        "taken; the budget stands in config",
        shown=(RECORD, COMPARE, GROUP),
        required=True,
        low=0,
    ),
    Column("loss", _RESULT, _REAL, "fit + reg", shown=(RECORD, COMPARE), low=0.0),
    Column("fit", _RESULT, _REAL, "1/(2N) ‖output − Y‖²", shown=(RECORD, COMPARE), low=0.0),
    Column("reg", _RESULT, _REAL, "weight decay", shown=(RECORD, COMPARE), low=0.0),
    Column(
        "loss_dnc",
        _RESULT,
        _NUMBER,
        "loss of the DNC solution of the problem; NULL where the width has no room for it",
        shown=(RECORD, COMPARE),
        low=_LEAST,
        high=_LARGEST,
    ),
    Column(
        "loss_srg",
        _RESULT,
        _NUMBER,
        "loss of its SRG solution; NULL for K < 4, and where there is no room",
        shown=(RECORD, COMPARE),
        low=_LEAST,
        high=_LARGEST,
    ),
    Column("grad_norm", _RESULT, _REAL, "‖∇loss‖ at the end", shown=(RECORD,), low=0.0),
    Column(
        "seconds",
        _PROVENANCE,
        _NUMBER,
        "that it took",
        shown=(RECORD,),
        required=True,
        low=0.0,
        high=_LARGEST,
        unit="s",
    ),
    Column("device", _PROVENANCE, _TEXT, "cpu or cuda", shown=(COMPARE, GROUP), required=True),
    Column("dtype", _OPTION, _TEXT, "float32 or float64", shown=(COMPARE, GROUP), required=True),
    Column("torch_version", _PROVENANCE, _TEXT, "of PyTorch, where it had a part"),
    Column("nccli_version", _PROVENANCE, _TEXT, "of nccli", required=True),
    Column("host", _PROVENANCE, _TEXT, "machine", shown=(GROUP,), required=True),
    Column("started", _PROVENANCE, _TEXT, "UTC, ISO 8601", required=True, pattern=_TIME),
    Column("config", _OPTION, _DOCUMENT, "all that determines it", shown=(RECORD,), required=True),
    Column(
        "created",
        _PROVENANCE,
        _TEXT,
        "when it was stored, UTC, ISO 8601",
        shown=(RECORD,),
        required=True,
        index=True,
        pattern=_TIME,
    ),
    Column("optimizer", _OPTION, _TEXT, "way down", shown=(RECORD, GROUP)),
    Column("collapsed_at", _RESULT, _INTEGER, "step from which it went on as its class means", shown=(RECORD,), low=0),
    Column(
        "residual",
        _RESULT,
        _NUMBER,
        "norm of a subgradient at a refined point, over ‖(λθ)‖",
        shown=(RECORD, COMPARE),
        low=0.0,
    ),
    Column("kinks", _RESULT, _INTEGER, "pre-activations that are zero there", shown=(RECORD,), low=0),
    Column("setting", _KEY, _TEXT, "the same for runs that differ in the seed alone", shown=(GROUP,), pattern=_ID),
    Column(
        "mean_hidden_rank",
        _SUMMARY,
        _NUMBER,
        "mean rank of the hidden layers 2..L−1 (L = 2: of M̃_2)",
        low=0.0,
        high=_MOST_SIZE,
    ),
    Column("ranks_agree", _SUMMARY, _INTEGER, "1 where these ranks are equal, else 0", low=0, high=1),
    Column("max_dnc1", _SUMMARY, _NUMBER, "largest DNC1 over layers and stages", low=0.0),
    Column(
        "structure",
        _SUMMARY,
        _TEXT,
        "of the hidden layers (L = 2: of M_2); mixed where they differ",
        shown=(GROUP,),
        any_case=True,
    ),
    Column("dataset", _OPTION, _TEXT, "what it saw", shown=(DATA, GROUP)),
    Column("backbone", _OPTION, _TEXT, "network below the head", shown=(DATA, GROUP)),
    Column("reg_kind", _OPTION, _TEXT, "dufm or standard", shown=(DATA, GROUP), option="reg"),
    Column("epochs", _OPTION, _INTEGER, "whole passes over the training set", shown=(DATA, GROUP), low=0),
    Column("train_accuracy", _RESULT, _NUMBER, "on the training set", header="acc.", shown=(DATA,), low=0.0, high=1.0),
    Column("test_accuracy", _RESULT, _NUMBER, "on the test set", shown=(DATA,), low=0.0, high=1.0),
    Column(
        "objective",
        _PROBLEM,
        _TEXT,
        f"the loss: {', '.join(ObjectiveName)}; NULL where it is not known",
        shown=(COMPARE, GROUP),
        before=dict.fromkeys(_COMPUTED, "mse"),
    ),
    Column(
        "result_version",
        _KEY,
        _INTEGER,
        "of its kind; raised when the same configuration starts to give another result",
        before=dict.fromkeys((kind.value for kind in Kind), 1),
        low=1,
    ),
    Column(
        "outcome",
        _SUMMARY,
        _TEXT,
        f"what became of it: {', '.join(Outcome)}, or another structure's name",
        shown=(RECORD, COMPARE, GROUP),
        any_case=True,
    ),
    Column(
        "classes_kept",
        _SUMMARY,
        _INTEGER,
        "of K, by its output and class means",
        header="kept",
        shown=(RECORD, COMPARE, GROUP),
        low=0,
    ),
    Column(
        "srg_r",
        _SUMMARY,
        _INTEGER,
        "r of T(r), where the outcome is srg",
        header="r",
        shown=(RECORD, COMPARE, GROUP),
        low=4,
    ),
    Column("checksum", _PROVENANCE, _TEXT, "of all that the store has of the run; none before it ended"),
    Column(
        "tag",
        _PROVENANCE,
        _TEXT,
        "what somebody called it, for --where and --group-by",
        shown=(RECORD, COMPARE, GROUP),
        index=True,
        pattern=r"\S(.{0,98}\S)?",
    ),
    Column(
        "precision",
        _OPTION,
        _TEXT,
        "float32, tf32 or bf16, of a network while it trained; NULL where it is not known",
        shown=(DATA, GROUP),
    ),
    Column(
        "finish",
        _RESULT,
        _TEXT,
        f"of a DUFM or a search, which point it is: {', '.join(Finish)}",
        shown=(RECORD, COMPARE, GROUP),
        choices=tuple(finish.value for finish in Finish),
    ),
    Column(
        "settled",
        _RESULT,
        _INTEGER,
        "1 where ranks and outcome would stay what they are over ten times the steps, by its drift; NULL where unknown",
        shown=(RECORD, COMPARE, GROUP),
        low=0,
        high=1,
    ),
    Column(
        "loss_drift",
        _RESULT,
        _NUMBER,
        "relative fall of the loss at the end, a time constant of weight decay",
        shown=(RECORD,),
    ),
    Column(
        "spectral_drift",
        _RESULT,
        _NUMBER,
        "largest |change of ln s_i/s_1| at the end, of what counts to a rank, a time constant",
        shown=(RECORD,),
        low=0.0,
    ),
    Column(
        "radius",
        _RESULT,
        _NUMBER,
        "how far from zero a kink of a refined point is, over the rms of positive pre-activations",
        shown=(RECORD,),
        low=0.0,
    ),
    Column(
        "parent",
        _RESULT,
        _TEXT,
        "the run whose end was polished or refined, or that `measure --escape` left",
        shown=(RECORD,),
        pattern=_ID,
    ),
    Column(
        "split",
        _OPTION,
        _TEXT,
        "the part of the data that a network was measured on: train or test",
        shown=(DATA, GROUP),
        before={Kind.NETWORK.value: "train"},
        choices=tuple(Split),
    ),
    Column(
        "series",
        _PROVENANCE,
        _TEXT,
        "name of the checkpoints that it is one of; of several such series all, with commas between",
        shown=(DATA, GROUP),
        index=True,
        pattern=rf"{_SERIES}(,{_SERIES})*",
        many=True,
    ),
    Column("step", _PROVENANCE, _INTEGER, "of the training, at which that checkpoint was", shown=(DATA, GROUP), low=0),
    Column("file", _PROVENANCE, _TEXT, "name of the file that was measured", shown=(DATA,)),
    Column(
        "steps_by",
        _PROVENANCE,
        _TEXT,
        "what took the steps of an L-DUFM: " + ", ".join(f"{by} ({what})" for by, what in STEPS_BY.items()),
        shown=(RECORD, GROUP),
        choices=tuple(StepsBy),
    ),
    Column("found_by", _RESULT, _TEXT, "how a search came upon its point", shown=(RECORD,)),
    Column(
        "hypergraph",
        _RESULT,
        _TEXT,
        "a set of hidden units for each class, where hidden layers are alike, of a search or a construction",
        shown=(RECORD,),
    ),
    Column(
        "verdict",
        _LATER,
        _TEXT,
        f"of `measure --hessian`, what its point is: {', '.join(Verdict)}",
        shown=(RECORD, COMPARE, GROUP),
        choices=tuple(verdict.value for verdict in Verdict),
    ),
    _judged("verdict_residual", "least norm found of a subgradient at the point, over ‖(λθ)‖", low=0.0),
    _judged("hessian_min", "smallest eigenvalue where kinks stay zero, directions flat by symmetry set apart"),
    _judged("hessian_max", "largest eigenvalue there"),
    _judged("hessian_norm", "Frobenius norm there", low=0.0),
    _counted("negative_directions", "negative eigenvalues there"),
    _counted("flat_directions", "zero eigenvalues there, those by symmetry included"),
    _counted("symmetries", "directions that are flat by symmetry"),
    _counted("weak_kinks", "kinks that can be left on a side without cost to first order"),
    _judged("least_slope", "least one-sided derivative by the pre-activation of another kink"),
    _judged(
        "new_unit_gain",
        "what a unit that is zero could do, ‖D σ(Hᵀw)‖/(√(λ_{l−1} λ_l) ‖w‖) at most: the loss falls above 1",
        low=0.0,
    ),
    _counted("verdict_proved", "1 where all ways off the kinks were looked at, 0 where they were searched", high=1),
    Column(
        "class_counts",
        _PROBLEM,
        _TEXT,
        "samples of each class, as 100,100,10; NULL for n of each",
        shown=(RECORD, COMPARE, GROUP),
        pattern=r"[1-9]\d*(,[1-9]\d*)+",
    ),
    Column(
        "imbalance",
        _PROBLEM,
        _NUMBER,
        "largest over smallest class; 1 for classes of one size, NULL where it is not known",
        shown=(RECORD, COMPARE, GROUP),
        before=dict.fromkeys((kind for kind in _COMPUTED if kind != Kind.E2E.value), 1.0),
        low=1.0,
        high=_LARGEST,
    ),
    Column(
        "schatten_gap",
        _RESULT,
        _NUMBER,
        "cost of H_1, W_1..W_{L−1} over the least that any with their product have, equation (2); NULL but for linear, "
        "relu-last",
        shown=(RECORD,),
        low=1.0,
        high=_LARGEST,
    ),
)
"""Of table `run`, in its order."""

LAYER_COLUMNS: tuple[Column, ...] = (
    Column("run_id", _KEY, _TEXT, "the run", required=True),
    Column("layer", _KEY, _INTEGER, "l", required=True, low=1),
    Column("stage", _KEY, _TEXT, "pre (H̃_l) or post (H_l)", required=True, choices=tuple(When)),
    *(
        Column(
            metric.name,
            _RESULT,
            _INTEGER if metric.whole else _REAL if metric.always else _NUMBER,
            f"{metric.of}: {metric.means}",
            header=metric.header,
            required=metric.required,
            low=metric.low,
            high=metric.high,
        )
        for metric in METRICS
    ),
    Column("structure", _RESULT, _TEXT, "which construction the Gram matrix is"),
    Column("structure_distance", _RESULT, _NUMBER, "min_s ‖G − s H‖/‖G‖", low=0.0),
    Column("structure_order", _RESULT, _DOCUMENT, "the permutation of the classes that shows it"),
    Column("name", _KEY, _TEXT, "the module, in a network that is not numbered by l"),
)
"""Of table `layer`: keys, a column a metric, the structure."""

VALUE_COLUMNS: tuple[Column, ...] = (
    *LAYER_COLUMNS[:3],
    Column("index", _KEY, _INTEGER, "1 for the largest", required=True, low=1),
    Column("value", _RESULT, _REAL, "singular value of the class means", required=True, low=0.0),
)
"""Of table `singular_value`."""

BY_NAME = {column.name: column for column in RUN_COLUMNS}


def names(*shown: Shown) -> tuple[str, ...]:
    """Columns of `run` that stand there, in order; without argument all."""
    return tuple(column.name for column in RUN_COLUMNS if not shown or set(shown) & set(column.shown))


def of_role(*roles: Role) -> tuple[str, ...]:
    """Columns of `run` that play one of these roles."""
    return tuple(column.name for column in RUN_COLUMNS if column.role in roles)


QUERIED = tuple(column for column in RUN_COLUMNS if column.type is not Type.DOCUMENT)
"""What --where may name; `config.NAME` reaches into the document."""

SUMMARIES = ("max", "min", "mean")
"""What a query may ask of a metric over the layers and stages of a run: max.dnc1, min.rank, mean.effective_rank."""
