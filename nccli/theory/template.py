"""A construction as data: a pair of templates, and what the closed form needs to know of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.objective.logit_space import LogitSpace
from nccli.theory.spectrum import Spectrum

PINV_RTOL = 1e-10
"""A bound: above the rounding of singular values that are zero (K eps), below those that are not (1/K at least)."""

Matrix = Float[np.ndarray, "_ _"]


@dataclass(frozen=True, eq=False)
class Template:
    """The pair (T, Tt_L) of theory sheet section 2 and its invariants.

    T (q × K, entry-wise ≥ 0) is the class-mean matrix of layers 2..L−1 up to scale; Tt_L (p × K, rows in the row
    space of T) is the last pre-activation up to scale. The closed form uses the invariants alone; `matrices` is called
    only when somebody asks for explicit matrices.

    Attributes:
        name: what a reader calls it, for example "srg t(5)".
        classes: K, the number of columns.
        rows: q, the width that layers 2..L−1 need.
        last_rows: p, the width that layer L needs.
        singular_values: of T.
        last_singular_values: of Tt_L.
        last_map_norm_sq: ‖Tt_L T⁺‖²_F.
        output_eigenvalues: μ_i, eigenvalues of σ(Tt_L)ᵀ σ(Tt_L).
        matrices: returns (T, Tt_L).
        logits: returns the logits that σ(Tt_L) allows, where a closed form of them is known.
        linear: whether σ is the identity; T and Tt_L may then have negative entries.
    """

    name: str
    classes: int
    rows: int
    last_rows: int
    singular_values: Spectrum
    last_singular_values: Spectrum
    last_map_norm_sq: float
    output_eigenvalues: Spectrum
    matrices: Callable[[], tuple[Matrix, Matrix]]
    logits: Callable[[], LogitSpace] | None = None
    linear: bool = False

    @classmethod
    def from_matrices(
        cls, name: str, T: Float[np.ndarray, "q K"], Tt_L: Float[np.ndarray, "p K"], linear: bool = False
    ) -> "Template":
        """Compute the invariants of any template pair by dense linear algebra, in O(K³)."""
        K = T.shape[1]
        activated = Tt_L if linear else np.maximum(Tt_L, 0.0)
        return cls(
            name=name,
            classes=K,
            rows=T.shape[0],
            last_rows=Tt_L.shape[0],
            singular_values=Spectrum.from_values(np.linalg.svd(T, compute_uv=False), K),
            last_singular_values=Spectrum.from_values(np.linalg.svd(Tt_L, compute_uv=False), K),
            last_map_norm_sq=float(np.sum((Tt_L @ np.linalg.pinv(T, rcond=PINV_RTOL)) ** 2)),
            output_eigenvalues=Spectrum.from_values(np.linalg.svd(activated, compute_uv=False) ** 2, K),
            matrices=lambda: (T, Tt_L),
            linear=linear,
        )

    def without_activation(self) -> "Template":
        """The same pair in a linear network, where σ(Tt_L) is Tt_L."""
        if self.linear:
            return self
        values = self.last_singular_values
        output = Spectrum(values.values**2, values.multiplicities)
        return replace(self, output_eigenvalues=output, logits=None, linear=True)

    def gram(self) -> Float[np.ndarray, "K K"]:
        """σ(Tt_L)ᵀ σ(Tt_L)."""
        Tt_L = self.matrices()[1]
        M = Tt_L if self.linear else np.maximum(Tt_L, 0.0)
        return np.asarray(M.T @ M)

    def logit_space(self) -> LogitSpace:
        """The logits that W_L can make of σ(Tt_L), as far as symmetry allows them."""
        return self._logit_space

    @cached_property
    def _logit_space(self) -> LogitSpace:
        return LogitSpace.of_gram(self.gram()) if self.logits is None else self.logits()


@dataclass(frozen=True, eq=False)
class Construction:
    """Block-diagonal arrangement of templates; nearly always a single block.

    Attributes:
        kind: name of its family, such as "dnc" or "srg".
        variant: which of several forms of that kind, "" where there is one form.
        blocks: templates; the classes of the first come first.
        note: what a reader has to know about this instance, "" if nothing.
        about: what else tells it from others of its family, as it stands in the configuration of a run.
        name: for tables and legends; those of the blocks by default.
    """

    kind: str
    variant: str
    blocks: tuple[Template, ...]
    note: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def K(self) -> int:
        """Number of classes."""
        return sum(block.classes for block in self.blocks)

    @property
    def min_width(self) -> int:
        """The smallest width d in which the construction fits."""
        return max(sum(b.rows for b in self.blocks), sum(b.last_rows for b in self.blocks))

    @property
    def label(self) -> str:
        """Name for tables and legends."""
        return self.name or " ⊕ ".join(block.name for block in self.blocks)


@dataclass(frozen=True)
class Family:
    """Constructions of one kind: a file of this room each, which declares it as FAMILY.

    Attributes:
        kind: as `nccli construct --kind` says it.
        forms: all constructions for a problem, of which the one with the least loss is meant; takes it and the options.
        takes: options of `nccli construct` that narrow the forms, by name.
        needs: those of them that it cannot do without.
        classes: K where it is not given, from the options.
    """

    kind: str
    forms: Callable[..., Sequence[Construction]]
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    classes: Callable[..., int] = lambda **_: 10
