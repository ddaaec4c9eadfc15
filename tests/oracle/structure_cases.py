"""Class means whose structure is known, by groups, and what noise, rotation, scale and permutation make of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from jaxtyping import Float, Int

from nccli.metrics.chang_graphs import chang_graphs
from nccli.theory import Construction, Problem, parse_graph, solve, srg
from nccli.theory.bipartition import bipartition

Matrix = Float[np.ndarray, "_ K"]

LEVELS = (0.0, 0.02, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.225, 0.25)
"""Noise over signal, both as Frobenius norms of the class means."""

GRAPHS = ("square", "pentagon", "hexagon", "cycle-8", "path-5", "wheel-6", "bipartite-2-3", "bipartite-3-3")
CUBES = ("cube", "octahedron", "petersen")
BLOCKS = ((7, "srg t(4) ⊕ dnc(1)"), (8, "srg t(4) ⊕ dnc(2)"), (12, "srg t(5) ⊕ dnc(2)"))
TRUNCATED = (5, 7, 8, 9, 11, 12, 13, 14, 20)
STAGES = ("M_1", "M_3", "M̃_4", "M_4")


@dataclass(frozen=True, eq=False)
class Case:
    """Class means, one class a column, and what they are.

    Attributes:
        group: cases of a kind.
        name: what the structure is called.
        means: without noise.
    """

    group: str
    name: str
    means: Matrix

    @property
    def K(self) -> int:
        """Number of classes."""
        return int(self.means.shape[1])


def disguised(means: Matrix, noise: float, seed: int = 0, rows: int = 0) -> tuple[Matrix, Int[np.ndarray, " K"]]:
    """The Gram matrix after noise, a rotation, a scale and a permutation of the classes; and the permutation.

    Args:
        means: one class a column.
        noise: ‖noise‖/‖means‖, Gaussian, in all directions of the features.
        seed: of noise, rotation and permutation.
        rows: of the features, at least those of the means; as many as classes, and three more, if not said.
    """
    rng = np.random.default_rng(seed)
    missing = max(0, (rows or means.shape[1] + 3) - means.shape[0])
    padded = np.vstack([means, np.zeros((missing, means.shape[1]))])
    padded = padded + noise * np.linalg.norm(means) / np.sqrt(padded.size) * rng.normal(size=padded.shape)
    rotation = np.linalg.qr(rng.normal(size=(padded.shape[0],) * 2))[0]
    order = rng.permutation(means.shape[1])
    turned = 7.3 * (rotation @ padded)[:, order]
    return turned.T @ turned, order


def least_rows(means: Matrix) -> Matrix:
    """The same Gram matrix of features that have no more directions than it takes, so that noise keeps the rank."""
    _, s, Vt = np.linalg.svd(means, full_matrices=False)
    kept = s > 1e-9 * s[0]
    return np.asarray(s[kept, None] * Vt[kept])


def layers(construction: Construction, width: int = 0) -> dict[str, Matrix]:
    """M_1, M_3, M̃_4 and M_4 of a construction for L = 4."""
    solution = solve(Problem.uniform(construction.K, 4, 1e-4), construction)
    weights, hidden = solution.matrices(width or construction.min_width)
    found = [hidden]
    for W in weights[:-1]:
        pre = W @ found[-1]
        found.append(np.maximum(pre, 0.0))
    return dict(zip(STAGES, (found[0], found[2], pre, found[3]), strict=True))


def cases() -> Iterator[Case]:
    """Every structure that has a name, and some that have none."""
    yield from _frames()
    for r in range(4, 9):
        for stage, means in layers(srg(comb(r, 2), "blocks")).items():
            matching = r == 4 and stage == "M_4"  # two disjoint edges of K_4 are a matching: M_L is orthogonal
            yield Case(f"T({r}) {stage}", "dnc" if matching else f"srg t({r})", means)
    for K in TRUNCATED:
        construction = srg(K, "truncated")
        for stage, means in layers(construction).items():
            matching = K == 5 and stage == "M_4"  # as for T(4)
            yield Case(f"T(r) − m {stage}", "dnc" if matching else construction.label.lower(), means)
    for K, name in BLOCKS:
        for stage, means in layers(srg(K, "blocks")).items():
            if K > 10 or stage in STAGES[:2]:  # M̃_4 of T(4) is opposite pairs, and M_4 orthogonal
                yield Case(f"block sums {stage}", name, means)
    for r, s in ((5, 2), (6, 2), (6, 3), (7, 3)):
        found = layers(bipartition(comb(r, 2), s))
        for stage in STAGES[2:]:
            apart = s == 2 and stage == "M_4"  # a row a class, all others at 0
            yield Case(f"bipartition {stage}", "dnc" if apart else f"srg t({r})", found[stage])
    yield from _graphs()
    yield from _nameless()


def _frames() -> Iterator[Case]:
    for K in (3, 6, 10, 15, 28):
        one = np.ones((K, K)) / K
        yield Case("dnc", "dnc", np.eye(K))
        if K > 3:
            yield Case("etf", "etf", np.eye(K) - one)
        for common in (-0.5, 3.0, K):  # Gram matrix I + common 11ᵀ/K; that of a star has K, an ETF −1, a frame 0
            group = "frame plus mean" if common > 0 else "between etf and dnc"
            yield Case(group, "frame plus mean", np.eye(K) + (np.sqrt(1 + common) - 1) * one)
        yield Case("constant", "constant", np.ones((1, K)))


def _graphs() -> Iterator[Case]:
    for name in (*GRAPHS, *CUBES):
        edges = parse_graph(name)
        B = np.array([[float(v in edge) for edge in edges] for v in range(1 + max(map(max, edges)))])
        yield Case(name if name in ("bipartite-3-3", "petersen") else "other graphs", name, B)
    for number, adjacency in enumerate(chang_graphs(), 1):
        values, vectors = np.linalg.eigh(2 * np.eye(28) + adjacency)
        yield Case("Chang graphs", f"chang graph {number}", np.sqrt(values.clip(min=0))[:, None] * vectors.T)


def _nameless() -> Iterator[Case]:
    for weights in ((1.0, 1.0, 1.0), (1.1, 0.9, 0.7)):
        single, double, triple = weights
        columns = [(0,), (1,), (2,), (0, 1), (0, 2), (0, 1, 2)]
        size = {1: single, 2: double, 3: triple}
        B = np.array([[size[len(column)] * (v in column) for column in columns] for v in range(3)])
        yield Case("hypergraph, K = 6", "none", B)
    rng = np.random.default_rng(1)
    for K in (4, 6, 10, 15, 28, 45):
        yield Case("random", "none", rng.normal(size=(max(2, K // 2), K)))
        yield Case("random", "none", np.abs(rng.normal(size=(K, K))) ** 3)
    yield Case("unequal norms", "none", np.diag([1.0, 1, 1, 1, 5]))
    yield Case("a class lost", "none", np.diag([1.0, 1, 1, 1, 0]))
    for r in (5, 6):
        yield from (Case("SRG and one more direction", "none", means) for means in _near(r))


def _near(r: int) -> Iterator[Matrix]:
    """SRG T(r) with one more direction, so near that the Gram matrix is within 20 % of it: of rank r + 1."""
    T = np.array([[float(v in edge) for edge in combinations(range(r), 2)] for v in range(r)])
    rng = np.random.default_rng(2)
    for share in (0.1, 0.2, 0.3):
        row = rng.normal(size=T.shape[1])
        row -= np.linalg.pinv(T) @ (T @ row)
        yield np.vstack([T, share * np.linalg.norm(T) * row / np.linalg.norm(row)])
