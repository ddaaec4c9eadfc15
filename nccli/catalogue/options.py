"""Names that a run's configuration can take, for whoever offers a choice of them."""

from enum import StrEnum


class ObjectiveName(StrEnum):
    """What the output of the network is held to; `nccli.objective` has the objects."""

    MSE = "mse"
    CE = "ce"


class OptimizerName(StrEnum):
    """Ways down; `nccli.dufm.optimizers` has the objects."""

    GD = "gd"
    HEAVY_BALL = "heavy-ball"
    NESTEROV = "nesterov"
    ADAM = "adam"
    SGDW = "sgdw"
    ADAMW = "adamw"


class ActivationName(StrEnum):
    """Which hidden layers have which σ; linear-but-for-the-last is relu-last, and leaky has a slope behind a colon."""

    RELU = "relu"
    LINEAR = "linear"
    RELU_LAST = "relu-last"
    RELU_EPS = "relu-eps"
    LEAKY = "leaky"


ALL_SAMPLES = "all"
"""What a batch size of the L-DUFM is called that is no number: full-batch descent."""


class BiasName(StrEnum):
    """Which matrices of an L-DUFM have a bias: none of them, W_L, or all."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class InitName(StrEnum):
    """How the initial point of an L-DUFM is drawn; `nccli.dufm.initial` has the draws."""

    NORMAL = "normal"
    UNIFORM = "uniform"
    ORTHOGONAL = "orthogonal"
    HE = "he"


class Until(StrEnum):
    """When a run ends that does not converge: at its budget, or at the first larger one at which it has settled."""

    STEPS = "steps"
    SETTLED = "settled"


class DtypeName(StrEnum):
    """In what precision steps are taken."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"


class Regularisation(StrEnum):
    """What is regularised end to end: the backbone's output and the head, or every parameter."""

    DUFM = "dufm"
    STANDARD = "standard"


class HeadInit(StrEnum):
    """Initial weights of the head."""

    HE = "he"
    DEFAULT = "default"


class Precision(StrEnum):
    """In what precision a network computes while it trains."""

    FLOAT32 = "float32"
    TF32 = "tf32"
    BF16 = "bf16"


class Pool(StrEnum):
    """What to do with features of more than one axis a sample."""

    FLATTEN = "flatten"
    MEAN = "mean"


class Pixels(StrEnum):
    """How pixels are scaled."""

    UNIT = "unit"
    STANDARD = "standard"
    RAW = "raw"


class Split(StrEnum):
    """Parts of a data set."""

    TRAIN = "train"
    TEST = "test"


FEATURE_SUFFIXES = (".npz", ".npy", ".safetensors", ".pt", ".pth")
"""Of files of features."""
