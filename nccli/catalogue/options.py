"""Names that a run's configuration can take, for whoever offers a choice of them."""

from enum import StrEnum


class ObjectiveName(StrEnum):
    """What the output of the network is held to; `nccli.objective` has the objects."""

    MSE = "mse"


class OptimizerName(StrEnum):
    """Ways down; `nccli.dufm.optimizers` has the objects."""

    GD = "gd"
    HEAVY_BALL = "heavy-ball"
    NESTEROV = "nesterov"
    ADAM = "adam"


class ActivationName(StrEnum):
    """Which hidden layers have which σ; linear-but-for-the-last is relu-last."""

    RELU = "relu"
    LINEAR = "linear"
    RELU_LAST = "relu-last"
    RELU_EPS = "relu-eps"


class DtypeName(StrEnum):
    """In what precision steps are taken."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"
