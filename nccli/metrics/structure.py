"""Which construction the Gram matrix of a layer is, up to a permutation of the classes and a scale."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb, isqrt

import numpy as np
from jaxtyping import Float, Int

from nccli.metrics.chang_graphs import chang_graphs
from nccli.metrics.graph_forms import bipartition_forms, graph_forms, single_forms
from nccli.metrics.pairs import opposite_pairs
from nccli.metrics.rank_rule import RankFit, rank_fit
from nccli.metrics.related_classes import RootGraph, complete_root, isomorphism, related_classes, root_graphs
from nccli.metrics.spectrum import ZERO_FLOOR

STRUCTURE_RTOL = 0.2
"""A structure is recognised when it is nearer than this. Measured, K = 6, 10, 15: class means of DNC or SRG with 10 %
of noise are 0.12 to 0.18 away, with 20 % 0.23 and more; DNC(10) and SRG T(5) are 0.77 apart."""

_SURE = 0.02
"""Nearer to a frame of exactly its rank than this nothing else is looked for: a taste; 1.4 % of noise."""

EVIDENCE = 3.0
"""A structure with more to choose must fit so many times better than a plainer one. Noise on DNC has a widest gap too:
measured, of 1,000 noisy DNC with K = 6, 10, 15 a graph fitted at most 1.2 times better where noise was 10 %, 1.9 times
at any noise."""

_LEVEL_NOISE = 0.2
"""Levels of cosines that scatter more are none. Measured: 0.09 to 0.13 on SRG with 10 % of noise, 0.2 with 20 %."""

_LOST = 1e-6
"""A class whose mean is so much smaller than the largest has no angles worth the name: rounding of float32."""

_ALONE = 1.4
"""A summand may be so many times further off than the sum. Measured: no sum is lost at noise at which it was found
without such a bound, with 1.3 some are; orthogonal means of other lengths are 0.3 and more from any graph."""

_MOST_GRAPHS = 3
"""Readings of the levels that are tried: a taste; each costs an isomorphism test."""

_MOST_OF_GRAPHS = 200
"""Classes up to which graphs are looked for. Measured: 1 s for 200, 10 s for 300, no end for 1,000."""

_MOST_PLAIN, _FLAT = 4, 0.1
"""Regular polygons of fewer classes are an ETF or pairs; a taste: third over first singular value of a flat figure."""

_MOST_OF_SQUARES = 6
"""Classes of SRG T(4), whose last pre-activations are pairs, as the four of a square are."""

_ROUNDING = 1e-9
"""Of eigenvalues of named Gram matrices, over their norm."""

_Matrix = Float[np.ndarray, "_ _"]
_Forms = Float[np.ndarray, "_ _ _"]

NONE, ZERO, DNC, ETF, CONSTANT, FRAME_PLUS_MEAN = "none", "zero", "dnc", "etf", "constant", "frame plus mean"
PAIRS, POLYGON, TIGHT_FRAME = "pairs", "polygon", "tight frame"


@dataclass(frozen=True, eq=False)
class Structure:
    """What `recognise_structure` found.

    Attributes:
        name: "dnc", "etf", "frame plus mean", "constant", "pairs", "polygon", "srg t(5)", "srg t(5) minus 2", "square",
            "petersen", "chang graph 1", "graph(6 vertices, 9 edges)", their sums such as "srg t(4) ⊕ dnc(1)", "zero",
            or "none".
        distance: min_s ‖G − s H‖_F/‖G‖_F with H the Gram matrix of the name, one s a summand; in [0, 1], 0 is
            equality. For "none" that of the nearest structure looked at, which may be near and of another rank.
        permutation: class of each place of H, so that G[p][:, p] ∝ H; for "none" that of the nearest.
    """

    name: str
    distance: float
    permutation: Int[np.ndarray, " K"]


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A structure, and the blocks of its Gram matrix for a layer with this spectrum."""

    structure: Structure
    blocks: Sequence[_Matrix]
    spectrum: Float[np.ndarray, " K"]

    @property
    def distance(self) -> float:
        return self.structure.distance

    @cached_property
    def fit(self) -> RankFit:
        """How the rank of the layer is that of the structure."""
        values = np.concatenate([np.linalg.eigvalsh(H) / np.linalg.norm(H) for H in self.blocks])
        return rank_fit(self.spectrum, int(np.sum(values > _ROUNDING)))


def recognise_structure(
    gram: Float[np.ndarray, "K K"], rtol: float = STRUCTURE_RTOL, before_activation: bool = True
) -> Structure:
    """Recognise a construction in a Gram matrix of class means (theory sheet, section 3).

    Looked for: orthogonal means of equal norm (dnc), the simplex ETF, equal means (constant), two opposite means a
    direction (pairs, of linear networks: Garrod and Keating 2025), means evenly on a circle (polygon), and aI + b11ᵀ
    with other a and b, an orthogonal frame or ETF plus a common mean, a star among them; graph solutions, in all the
    forms that their layers take (`nccli.metrics.graph_forms`); direct sums of these, each summand with a scale of its
    own (Súkeník et al. 2024, Definitions 9 to 11); and the Chang graphs, which have the spectrum of T(8).

    A name is given only where the numerical rank is that of the named Gram matrix (`nccli.metrics.rank_rule`).

    The graph comes from the two levels of the off-diagonal cosines by way of its line graph, so noise of up to half the
    distance of the levels does not matter. Where that fails and the spectrum allows SRG T(r), the classes are assigned
    to it by SciPy's FAQ.

    Of more than 200 classes only frames are looked for; `nccli.metrics.many_classes` has those of more than 1,000.

    Args:
        gram: MᵀM, symmetric up to rounding.
        rtol: largest distance of a structure that is recognised.
        before_activation: whether the last pre-activations of graphs are looked for among few classes: those of SRG
            T(4) and of the square are pairs too.

    Raises:
        ValueError: an entry is nan or infinite.
    """
    G = np.asarray(gram, dtype=np.float64)
    if not np.isfinite(G).all():
        raise ValueError("the structure of a Gram matrix with nan or infinite entries does not exist")
    norms = np.sqrt(np.clip(np.diag(G), 0.0, None))
    if norms.max() <= ZERO_FLOOR:
        return Structure(ZERO, 0.0, np.arange(G.shape[0]))
    exponent = int(np.frexp(np.abs(G).max())[1])
    exponent += exponent % 2  # even, so that its root is exact too; no square of an entry overflows
    G = np.ldexp(G, -exponent)
    G = (G + G.T) / 2
    spectrum = np.sqrt(np.clip(np.linalg.eigvalsh(G)[::-1], 0.0, None))
    has_pairs = len(G) % 2 == 0 and len(G) > (_MOST_OF_SQUARES if before_activation else 2)
    search = _Search(G / np.linalg.norm(G), norms, np.ldexp(spectrum, exponent // 2), rtol, has_pairs)
    found = search.best()
    return found.structure if search.holds(found) else Structure(NONE, search.nearest, found.structure.permutation)


class _Search:
    """Candidates for one Gram matrix G, ‖G‖_F = 1, plain ones first.

    Attributes:
        nearest: distance of the nearest structure looked at.
    """

    def __init__(
        self,
        G: Float[np.ndarray, "K K"],
        norms: Float[np.ndarray, " K"],
        spectrum: Float[np.ndarray, " K"],
        rtol: float,
        has_pairs: bool,
    ) -> None:
        self._G, self._norms, self._spectrum, self._rtol, self._has_pairs = G, norms, spectrum, rtol, has_pairs
        self.nearest = 1.0

    def holds(self, candidate: _Candidate) -> bool:
        """Whether it is near, and of the right rank."""
        return candidate.distance <= self._rtol and candidate.fit is not RankFit.NOT

    def best(self) -> _Candidate:
        """The plainest structure that holds, unless one with more to choose fits much better; else the nearest."""
        best = self._nearest(self._frames())
        small = len(self._G) <= _MOST_OF_GRAPHS
        for more in (self._frame_plus_mean, *([self._graphs] if small else [])):
            if not self._is_sure(best):
                best = self._better(best, list(more()))
        return best if self.holds(best) or not small else self._better(best, list(self._assigned()))

    def _is_sure(self, candidate: _Candidate) -> bool:
        return self.holds(candidate) and candidate.fit is RankFit.EXACT and candidate.distance <= _SURE

    def _better(self, plain: _Candidate, found: Sequence[_Candidate]) -> _Candidate:
        other = self._nearest([plain, *found])
        return other if not self.holds(plain) or other.distance < plain.distance / EVIDENCE else plain

    def _nearest(self, candidates: Sequence[_Candidate]) -> _Candidate:
        """Of those that hold, or else of all."""
        self.nearest = min([self.nearest, *(each.distance for each in candidates)])
        return min(candidates, key=lambda each: (not self.holds(each), each.distance))

    def _candidate(
        self, name: str, H: Float[np.ndarray, "K K"], permutation: Int[np.ndarray, " K"] | None = None
    ) -> _Candidate:
        """G against s H, both with classes in the order of the permutation."""
        placed = self._G if permutation is None else self._G[permutation[:, None], permutation]
        order = np.arange(len(H)) if permutation is None else permutation
        distance = float(np.linalg.norm(placed - np.sum(placed * H) / np.sum(H * H) * H))
        return _Candidate(Structure(name, distance, order), [H], self._spectrum)

    def _frames(self) -> list[_Candidate]:
        K = len(self._G)
        named = [(DNC, np.eye(K)), (CONSTANT, np.ones((K, K))), *([(ETF, np.eye(K) - 1 / K)] if K > 1 else ())]
        found = [self._candidate(name, H) for name, H in named]
        opposite = opposite_pairs(self._G) if self._has_pairs else None
        if opposite is not None:
            H = np.kron(np.eye(K // 2), [[1.0, -1.0], [-1.0, 1.0]])
            found.append(self._candidate(PAIRS, H, np.stack(opposite, axis=1).ravel()))
        if K > _MOST_PLAIN and self._spectrum[2] < _FLAT * self._spectrum[0]:
            _, axes = np.linalg.eigh(self._G)
            angles = 2 * np.pi * np.arange(K) / K
            order = np.argsort(np.arctan2(axes[:, -1], axes[:, -2]))
            found.append(self._candidate(POLYGON, np.cos(angles[:, None] - angles), order))
        return found

    def _frame_plus_mean(self) -> Iterator[_Candidate]:
        """The nearest aI + b11ᵀ."""
        K = len(self._G)
        own = float(np.trace(self._G)) / K
        between = (float(self._G.sum()) - K * own) / max(1, K * (K - 1))
        yield self._candidate(FRAME_PLUS_MEAN, (own - between) * np.eye(K) + between)

    def _graphs(self) -> Iterator[_Candidate]:
        if self._norms.min() <= _LOST * self._norms.max():
            return
        cosines = self._G / np.sqrt(np.outer(np.diag(self._G), np.diag(self._G)))
        for candidate in related_classes(cosines)[:_MOST_GRAPHS]:
            if candidate.noise > _LEVEL_NOISE or not candidate.related.any():
                continue
            roots = root_graphs(candidate.related)
            if roots is not None:
                yield from self._sum(roots)
            elif len(self._G) == 28 and (candidate.related.sum(axis=1) == 12).all():
                for number, graph in enumerate(chang_graphs(), 1):
                    permutation = isomorphism(candidate.related, graph)
                    if permutation is not None:
                        yield self._candidate(f"chang graph {number}", 2 * np.eye(28) + graph, permutation)

    def _sum(self, roots: tuple[RootGraph, ...]) -> Iterator[_Candidate]:
        """The direct sum of graphs, single classes together as dnc, in every form."""
        graphs = [root for root in roots if len(root.edges) > 1]
        single = np.array([root.classes[0] for root in roots if len(root.edges) == 1], dtype=np.int64)
        blocks = [(root.name, root.classes, graph_forms(root)) for root in graphs]
        if single.size:
            blocks.append((f"dnc({single.size})", single, single_forms(single.size)))
        name, permutation = " ⊕ ".join(name for name, *_ in blocks), np.concatenate([part for _, part, _ in blocks])
        yield from self._of_blocks(name, permutation, [(part, forms) for _, part, forms in blocks])
        r = 1 + max(max(edge) for edge in graphs[0].edges)
        if len(blocks) == 1 and r > 3 and len(graphs[0].edges) == comb(r, 2):
            yield from (self._candidate(name, H, permutation) for H in bipartition_forms(r))

    def _of_blocks(
        self, name: str, permutation: Int[np.ndarray, " K"], blocks: Sequence[tuple[Int[np.ndarray, " _"], _Forms]]
    ) -> Iterator[_Candidate]:
        """Each block with a scale of its own, and not far by itself: long classes hide what is wrong beside them."""
        explained, worst = np.zeros(len(blocks[0][1])), np.zeros(len(blocks[0][1]))
        for part, forms in blocks:
            own, flat = self._G[part[:, None], part], forms.reshape(len(forms), -1)
            covered = np.sum(own.reshape(-1) * flat, axis=1) ** 2 / np.sum(flat * flat, axis=1)
            explained += covered
            worst = np.maximum(worst, 1.0 - covered / np.sum(own * own))
        whole = np.sqrt(np.maximum(0.0, 1.0 - explained))
        distances = np.maximum(whole, np.sqrt(np.maximum(0.0, worst)) / _ALONE)
        for each, distance in enumerate(distances.tolist()):
            structure = Structure(name, distance, permutation)
            yield _Candidate(structure, [forms[each] for _, forms in blocks], self._spectrum)

    def _assigned(self) -> Iterator[_Candidate]:
        """SRG T(r) by assignment, unless the spectrum says that it is not near.

        For symmetric matrices ‖G − PᵀHP‖_F is at least the distance of the ordered eigenvalues (Hoffman and Wielandt
        1953).
        """
        G, K = self._G, len(self._G)
        r = (1 + isqrt(1 + 8 * K)) // 2
        if r < 4 or comb(r, 2) != K:
            return
        B = np.array([[float(v in edge) for edge in complete_root(r)] for v in range(r)])
        H = B.T @ B
        given, wanted = np.linalg.eigvalsh(G), np.linalg.eigvalsh(H)
        if float(np.linalg.norm(given - given @ wanted / (wanted @ wanted) * wanted)) >= self.nearest:
            return
        from scipy.optimize import quadratic_assignment  # takes a quarter of a second to load

        found = quadratic_assignment(H, G, method="faq", options={"maximize": True, "rng": np.random.default_rng(0)})
        yield self._candidate(f"srg t({r})", H, np.asarray(found.col_ind))


def tight_frame(gram: Float[np.ndarray, "K K"], width: int) -> Structure:
    """Class means that are a tight frame: all singular values equal, and as many as there are neurons.

    What a linear network under the squared error makes of more classes than neurons (`nccli.theory.frame`); "none"
    where it is not, and where there is room for all classes.

    Args:
        gram: MᵀM, of means that are not all zero.
        width: d.
    """
    K = len(gram)
    values = np.linalg.eigvalsh(gram)[::-1]
    distance = float(np.sqrt(max(0.0, 1.0 - values[:width].sum() ** 2 / (width * np.sum(values**2)))))
    spectrum = np.sqrt(np.clip(values, 0.0, None))
    holds = width < K and distance <= STRUCTURE_RTOL and rank_fit(spectrum, width) is not RankFit.NOT
    return Structure(TIGHT_FRAME if holds else NONE, distance, np.arange(K))
