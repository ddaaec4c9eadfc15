"""What an objective is: everything that depends on how an output is compared with its class.

The fit of a network is the mean over its N samples of ℓ(z_i, y_i), with z_i the output and y_i the unit vector of the
class. Outputs and targets have one sample a row, (…, N, K). NumPy arrays and PyTorch tensors share the operators that
the functions of ℓ use, so that one text serves both.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from nccli.objective.logit_space import LogitSpace

Array = Any
"""A NumPy array or a PyTorch tensor."""


@runtime_checkable
class Eigenvalues(Protocol):
    """Distinct eigenvalues, and how often each comes."""

    @property
    def values(self) -> Float[np.ndarray, " distinct"]:
        """Each once."""

    @property
    def multiplicities(self) -> Int[np.ndarray, " distinct"]:
        """How often."""


@runtime_checkable
class Readout(Protocol):
    """What the last layer of a construction offers to W_L at scale α_L = 1."""

    @property
    def classes(self) -> int:
        """Classes of the block."""

    @property
    def output_eigenvalues(self) -> Eigenvalues:
        """μ_i, eigenvalues of M_Lᵀ M_L."""

    @property
    def matrices(self) -> Callable[[], tuple[Float[np.ndarray, "q K"], Float[np.ndarray, "p K"]]]:
        """Gives (T, Tt_L); M_L is σ(Tt_L)."""

    def gram(self) -> Float[np.ndarray, "K K"]:
        """M_Lᵀ M_L."""

    def logit_space(self) -> LogitSpace:
        """The logits that W_L can make of M_L, for objectives that need more than eigenvalues."""


@dataclass(frozen=True)
class Optimum:
    """The best non-zero scale of a block.

    Attributes:
        log_u: log u with u = α_L^{1/L}; −inf where no non-zero point is stationary.
        loss: fit and regularisation of the block there; inf where there is none.
        fit: the block's share of the fit there.
    """

    log_u: float
    loss: float
    fit: float


class Objective(ABC):
    """One objective; it has no state.

    Attributes:
        name: as a configuration says it.
        adds_over_blocks: whether ℓ is a sum over outputs, so that the blocks of a block-diagonal construction do not
            see each other; otherwise their scales are one problem (`best_scales`).
        c_residual: C expression of ∂ℓ/∂z at a vector of the output, times `factor`, from vectors `z` and `y`; the store
            of the output product. It must be 0 for z = y = 0, the padding, unless `c_rows` sets that right.
        c_rows: C function `static void residual_rows(REAL *E, const REAL *Y, int rows, int classes, REAL factor)` that
            makes the residual from a whole output (N × K with padding) in place, for an ℓ that mixes the outputs of a
            sample; "" for none. `c_residual` is then what it is handed, mostly `z`.
    """

    name: str
    adds_over_blocks: bool
    c_residual: str
    c_rows: str = ""

    @abstractmethod
    def total(self, output: Float[Array, "*batch N K"], target: Float[Array, "*_ N K"]) -> Float[Array, "*batch"]:
        """Σ_i ℓ(z_i, y_i) over the N rows."""

    @abstractmethod
    def residual(
        self, output: Float[Array, "*batch N K"], target: Float[Array, "*_ N K"]
    ) -> Float[Array, "*batch N K"]:
        """∂ℓ/∂z_i of each row."""

    @abstractmethod
    def residual_(self, output: Float[Array, "*batch N K"], target: Float[Array, "*_ N K"], factor: Array) -> None:
        """Replace outputs by factor · ∂ℓ/∂z_i, without allocation: for the steps of PyTorch."""

    @abstractmethod
    def curvature(
        self, output: Float[Array, "*batch N K"], direction: Float[Array, "*batch N K"]
    ) -> Float[Array, "*batch N K"]:
        """∂²ℓ/∂z_i² applied to a direction, row by row."""

    @abstractmethod
    def trivial_loss(self, K: int) -> float:
        """ℓ(0, e_k): the loss of the all-zero point, whose output is zero."""

    @abstractmethod
    def constant_fit(self, K: int) -> float:
        """The least fit of an output that is the same for all samples of K equal classes."""

    @abstractmethod
    def best_scale(self, readout: Readout, K: int, L: int, weight_decay: float, log_c: float) -> Optimum:
        """The non-zero local minimum over α_L of what depends on it (theory sheet, section 2).

        That is min over W_L of the block's share of the fit and λ_{W_L}/2 ‖W_L‖², at class means √α_L M_L, and the
        regularisation c u of everything before W_L, u = α_L^{1/L}.

        Args:
            readout: M_L.
            K: classes of the whole problem.
            L: layers.
            weight_decay: λ_{W_L}.
            log_c: log c.
        """

    def best_scales(
        self, readouts: Sequence[Readout], K: int, L: int, weight_decay: float, log_c: Sequence[float | None]
    ) -> tuple[Optimum, ...]:
        """The same of several blocks at once, those that are to be zero left out.

        Args:
            readouts: of every block.
            K, L, weight_decay: as for `best_scale`.
            log_c: by block, log c; None for a block that is zero.

        Returns:
            By block, its scale and its share of fit and regularisation; a zero block has −∞ and the trivial loss of its
            classes.
        """
        zero = [readout.classes * self.trivial_loss(K) / K for readout in readouts]
        return tuple(
            Optimum(-np.inf, loss, loss) if each is None else self.best_scale(readout, K, L, weight_decay, each)
            for readout, loss, each in zip(readouts, zero, log_c, strict=True)
        )

    @abstractmethod
    def of_gram(
        self, gram: Float[np.ndarray, "k k"], K: int, weight_decay: float
    ) -> tuple[float, Float[np.ndarray, "k k"]]:
        """min over W_L of the share of the fit and λ_{W_L}/2 ‖W_L‖² of classes with this M_Lᵀ M_L, and its derivative.

        Args:
            gram: of all classes, or of a block where the objective adds over blocks.
            K: classes of the whole problem.
            weight_decay: λ_{W_L}.
        """

    @abstractmethod
    def last_weights(self, means: Float[np.ndarray, "d K"], weight_decay: float) -> Float[np.ndarray, "K d"]:
        """W_L that minimises fit and λ_{W_L}/2 ‖W_L‖² at collapsed features, whose class means are M_L."""
