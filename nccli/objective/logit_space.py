"""Which logits a last layer can make that symmetry allows, in coordinates in which their cost is a square.

For class means √α M and G = MᵀM the best last layer of given logits Z = √α W M costs λ/(2α) tr Z G⁺ Zᵀ. Of a convex
objective that treats classes alike the best Z lies in the coherent closure of G (`stable_colouring`): one number a
colour. Coordinates y are chosen so that tr Z G⁺ Zᵀ = ‖y‖².
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from nccli.errors import InputError
from nccli.objective.stable_colouring import Colours, stable_colouring

_ROUNDING = 1e-11
"""A bound: of the largest eigenvalue of G, or singular value of the margins, what is rounding of zero."""


_MOST_COLOURS = 1200
"""A bound: half a minute of a processor for one scale."""


@dataclass(frozen=True, eq=False)
class LogitSpace:
    """Margins D = S y, the logits of a sample less that of its own class, by what kind of column and entry they are of.

    What leaves all margins as they are is no coordinate: it costs, and cross-entropy does not see it.

    Attributes:
        S: margins × coordinates; margins of one kind of column stand together.
        counts: entries of a column that are equal to this margin.
        first: by kind of column, where its margins begin.
        shares: of columns of a kind among all; they add up to 1.
        block: by coordinate, the block whose α scales it.
        kind_block: by kind of column, the block of its classes.
        places: by (row, column) of Z, the margin there, −1 for the own class; None where nobody has told.
        solved: what is remembered of this space by those who solve in it.
    """

    S: Float[np.ndarray, "margins coordinates"]
    counts: Float[np.ndarray, " margins"]
    first: Int[np.ndarray, " kinds"]
    shares: Float[np.ndarray, " kinds"]
    block: Int[np.ndarray, " coordinates"]
    kind_block: Int[np.ndarray, " kinds"]
    places: Int[np.ndarray, "K K"] | None = field(default=None, repr=False)
    solved: dict[object, object] = field(default_factory=dict, repr=False)

    @classmethod
    def alike(cls, K: int, own: float) -> "LogitSpace":
        """Of G = own I + anything J: Z = a (I − J/K) alone, which costs a² (K − 1)/own.

        Args:
            K: classes.
            own: eigenvalue of G on vectors that add up to zero.
        """
        return cls.homogeneous(np.array([[-1.0 / np.sqrt((K - 1) / own)]]), np.array([K - 1.0]))

    @classmethod
    def homogeneous(
        cls, S: Float[np.ndarray, "margins coordinates"], counts: Float[np.ndarray, " margins"]
    ) -> "LogitSpace":
        """Of one block in which all columns are alike; coordinates that cross-entropy does not see are left out."""
        one, zero = np.ones(1), np.zeros(1, dtype=int)
        S, block = _seen(S, np.zeros(S.shape[1], dtype=int))
        return cls(S, counts, zero, one, block, zero)

    @classmethod
    def of_gram(cls, gram: Float[np.ndarray, "K K"], blocks: Int[np.ndarray, " K"] | None = None) -> "LogitSpace":
        """Of any Gram matrix, block-diagonal where blocks are told.

        Args:
            gram: G, symmetric and positive semi-definite, at α = 1.
            blocks: by class, its block; one if not said.

        Raises:
            InputError: so little symmetry that there are too many numbers.
        """
        K = len(gram)
        of_class = np.zeros(K, dtype=int) if blocks is None else np.asarray(blocks)
        colours = stable_colouring(gram, blocks)
        if int(colours.max()) >= _MOST_COLOURS:
            raise InputError(
                f"{K} classes of so little symmetry have {colours.max() + 1} different logits under cross-entropy: at "
                f"most {_MOST_COLOURS}"
            )
        roots, block_of = _roots(gram, colours, of_class)
        kinds, kind_of = np.unique(np.diagonal(colours), return_inverse=True)
        sizes = np.bincount(kind_of)
        column_kind = np.empty(colours.max() + 1, dtype=int)
        column_kind[colours] = kind_of[None, :]
        occurs = np.bincount(colours.ravel())
        others = np.setdiff1d(np.arange(len(occurs)), kinds)
        others = others[np.argsort(column_kind[others], kind="stable")]
        S, block = _seen(roots[others] - roots[kinds[column_kind[others]]], block_of)
        margin = np.full(len(occurs), -1)
        margin[others] = np.arange(len(others))
        return cls(
            S,
            occurs[others] / sizes[column_kind[others]],
            np.searchsorted(column_kind[others], np.arange(len(kinds))),
            sizes / K,
            block,
            of_class[[int(np.flatnonzero(kind_of == kind)[0]) for kind in range(len(kinds))]],
            margin[colours],
        )

    @classmethod
    def without_symmetry(cls, gram: Float[np.ndarray, "K K"]) -> "LogitSpace":
        """All logits that W_L can make, Z = Y R with G = RᵀR, of a Gram matrix that changes again and again."""
        K = len(gram)
        values, vectors = np.linalg.eigh(gram)
        kept = values > _ROUNDING * values[-1]
        R = np.sqrt(values[kept])[:, None] * vectors[:, kept].T
        column, row = np.nonzero(~np.eye(K, dtype=bool))
        S = np.zeros((len(row), K, len(R)))
        at = np.arange(len(row))
        S[at, row], S[at, column] = R.T[column], -R.T[column]
        places = np.full((K, K), -1)
        places[row, column] = at
        zero = np.zeros(K, dtype=int)
        shares, first = np.full(K, 1 / K), np.arange(K) * (K - 1)
        return cls(
            S.reshape(len(row), -1), np.ones(len(row)), first, shares, np.zeros(K * len(R), dtype=int), zero, places
        )

    @classmethod
    def of_blocks(cls, grams: Sequence[Float[np.ndarray, "_ _"]], kept: Sequence[int]) -> "LogitSpace":
        """Of blocks side by side, those not kept being zero, whose columns are left out: their logits are zero.

        Args:
            grams: of each block.
            kept: numbers of blocks, which the space numbers from 0 on.
        """
        sizes = [len(gram) for gram in grams]
        ends = np.cumsum(sizes)
        whole = np.zeros((ends[-1], ends[-1]))
        for place in kept:
            inside = slice(ends[place] - sizes[place], ends[place])
            whole[inside, inside] = grams[place]
        space = cls.of_gram(whole, np.repeat(np.arange(len(sizes)), sizes))
        number = {place: i for i, place in enumerate(kept)}
        kinds = np.flatnonzero(np.isin(space.kind_block, list(kept)))
        margins = np.isin(space.kind_of_margin, kinds)
        return cls(
            space.S[margins],
            space.counts[margins],
            np.searchsorted(space.kind_of_margin[margins], kinds),
            space.shares[kinds],
            np.array([number[each] for each in space.block.tolist()], dtype=int),
            np.array([number[each] for each in space.kind_block[kinds].tolist()], dtype=int),
        )

    @cached_property
    def kind_of_margin(self) -> Int[np.ndarray, " margins"]:
        """By margin, the kind of its column."""
        return np.repeat(np.arange(len(self.first)), np.diff([*self.first, len(self.counts)]))


def _roots(
    gram: Float[np.ndarray, "K K"], colours: Colours, of_class: Int[np.ndarray, " K"]
) -> tuple[Float[np.ndarray, "colours coordinates"], Int[np.ndarray, " coordinates"]]:
    """Z by colour = roots @ y, and by coordinate its block.

    With E_c the 0/1 matrix of colour c and N_c its entries, Z = Σ_c b_c E_c G costs bᵀ R b, R_cd = tr E_c G E_dᵀ, and
    N_c Z_c = (R b)_c. With N^{-½} R N^{-½} = U diag(e) Uᵀ that is Z = N^{-½} U diag(√e) y at the cost ‖y‖².
    """
    count = int(colours.max()) + 1
    occurs = np.bincount(colours.ravel(), minlength=count)
    _, place = np.unique(colours.ravel(), return_index=True)
    rows, columns = np.divmod(place, len(gram))
    # (E_c G)_ij is the same for all (i, j) of a colour
    R = np.array(
        [np.bincount(colours[i], weights=gram[:, j], minlength=count) for i, j in zip(rows, columns, strict=True)]
    )
    root = np.sqrt(occurs)
    R *= root[:, None] / root[None, :]
    R = (R + R.T) / 2
    column_block = of_class[columns]
    found, blocks = [], []
    for block in np.unique(of_class):
        inside = np.flatnonzero(column_block == block)
        values, vectors = np.linalg.eigh(R[np.ix_(inside, inside)])
        kept = values > _ROUNDING * values[-1]
        part = np.zeros((count, int(kept.sum())))
        part[inside] = vectors[:, kept] * np.sqrt(values[kept]) / root[inside, None]
        found.append(part)
        blocks.append(np.full(part.shape[1], block))
    return np.hstack(found), np.concatenate(blocks)


def _seen(
    S: Float[np.ndarray, "margins coordinates"], block: Int[np.ndarray, " coordinates"]
) -> tuple[Float[np.ndarray, "margins seen"], Int[np.ndarray, " seen"]]:
    """The same without directions of y, inside a block, that move no margin."""
    parts, blocks = [np.zeros((len(S), 0))], [np.zeros(0, dtype=int)]
    for each in np.unique(block):
        u, s, _ = np.linalg.svd(S[:, block == each], full_matrices=False)
        kept = s > _ROUNDING * s.max(initial=0.0)
        parts.append(u[:, kept] * s[kept])
        blocks.append(np.full(int(kept.sum()), each))
    return np.hstack(parts), np.concatenate(blocks)
