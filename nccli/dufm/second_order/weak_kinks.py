"""Kinks that can be left without cost to first order, and what second order says of leaving them.

A multiplier at an end of its box leaves one side free: Δ = B that of z > 0, Δ = 0 that of z < 0; B = 0 both. So second
order decides on a cone: directions that keep all other kinks at zero and move these to a free side, with the slopes of
that side. It falls into pieces of variables and kinks that are not coupled, and many of these are alike. Of each, for
every choice of sides:

* no negative curvature where the cone's inequalities are dropped, and no kernel that leaves the kinks: settled;
* otherwise faces of the cone are looked at, on which ever more of its kinks stay zero: the least curvature on the cone
  is an eigenvalue of a face whose eigenvector lies in it.

Where there are too many choices or faces, a search takes their place.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import scipy.optimize as so
import scipy.sparse as sp
from jaxtyping import Bool, Float

from nccli.dufm.second_order.curvature import HeldNetwork
from nccli.dufm.second_order.multipliers import Multipliers
from nccli.dufm.second_order.point import Mask, Matrix, Places, Stack, Vector
from nccli.dufm.second_order.spectrum import complement, orthonormal

_MOST_TWO_SIDED, _MOST_FACES = 10, 3000
"""Tastes: two-sided kinks of a piece up to which all choices are looked at, and faces of one choice."""

_MOST_UNKNOWNS = 4000
"""A taste: unknowns up to which pieces are looked for, with a matrix of that size squared."""

_COUPLED = 1e-11
"""A bound: of what couples two variables, relative to the largest; the rest is rounding."""

_ALIKE = 1e-10
"""A bound: of matrices of two pieces that are the same."""

_STARTS, _STEPS = 64, 400
"""Tastes: of the search."""

_RANK = 1e-9
"""A bound: of rows of kinks, relative singular values that are rounding."""

_LEAVES = 1e-6
"""A bound: how far a direction of length one has to move a kink."""


@dataclass(frozen=True, eq=False)
class WeakKinks:
    """What second order says off the manifold of kinks.

    Attributes:
        count: weakly active kinks; 0 where the manifold's spectrum says all.
        two_sided: those of them with B = 0.
        least: least curvature found of a direction of the cone that leaves kinks, if negative; else 0.
        direction: it, of length one; None where there is none.
        exits: a direction of zero curvature that leaves kinks; None if there is none.
        proved: whether all choices and faces were looked at.
    """

    count: int
    two_sided: int
    least: float
    direction: Vector | None
    exits: Vector | None
    proved: bool


@dataclass(frozen=True, eq=False)
class _Sides:
    """Weakly active kinks by layer: strict ones, those of one side and which, and those of both."""

    strict: list[Mask]
    up: list[Mask]
    down: list[Mask]
    both: list[Mask]

    @property
    def weak(self) -> list[Mask]:
        return [a | b | c for a, b, c in zip(self.up, self.down, self.both, strict=True)]


def sides(found: Multipliers) -> _Sides:
    """Sort kinks by what their multipliers leave free."""
    scale = found.none
    parts = list(zip(found.held, found.M, found.B, strict=True))
    both = [q & (np.abs(b) <= scale) for q, _, b in parts]
    up = [q & ~w & (np.abs(b - m) <= scale) for (q, m, b), w in zip(parts, both, strict=True)]
    down = [q & ~w & ~u & (np.abs(m) <= scale) for (q, m, _), w, u in zip(parts, both, up, strict=True)]
    strict = [q & ~w & ~u & ~d for (q, _, _), w, u, d in zip(parts, both, up, down, strict=True)]
    return _Sides(strict, up, down, both)


def weak_kinks(found: Multipliers, zero: float) -> WeakKinks:
    """Look at the cone of a stationary point; `zero` is the size of a curvature that is none."""
    sorted_ = sides(found)
    count, two = (sum(int(q.sum()) for q in masks) for masks in (sorted_.weak, sorted_.both))
    if not count:
        return WeakKinks(0, 0, 0.0, None, None, True)
    network = _with_ends(found.network, sorted_)
    if network.point.size > _MOST_UNKNOWNS:
        return _searched(network, sorted_, zero, count, two)
    least, direction, exits, proved = 0.0, None, None, True
    for piece in _pieces(network, sorted_):
        if len(piece.both) > _MOST_TWO_SIDED:
            proved = False
            continue
        for choice in product((0.0, 1.0), repeat=len(piece.both)):
            cone = piece.cone(network, choice)
            value, inside, leaves, complete = cone.least(zero, exits is None)
            proved = proved and complete
            if value < min(least, -zero):
                least, direction = value, cone.embedded(inside, network.point.size)
            elif leaves is not None and exits is None:
                exits = cone.embedded(leaves, network.point.size)
    if not proved and direction is None:
        other = _searched(network, sorted_, zero, count, two)
        return other if other.direction is not None else replace(other, exits=exits)
    return WeakKinks(count, two, least, direction, exits, proved)


def _with_ends(network: HeldNetwork, sorted_: _Sides, both: "list[Matrix] | None" = None) -> HeldNetwork:
    """Slopes of one-sided kinks exactly 1 or 0, of two-sided ones as given."""
    slopes = [
        np.where(u, 1.0, np.where(d, 0.0, s)) for s, u, d in zip(network.slopes, sorted_.up, sorted_.down, strict=True)
    ]
    if both is not None:
        slopes = [np.where(q, b, s) for s, q, b in zip(slopes, sorted_.both, both, strict=True)]
    return HeldNetwork(network.point, slopes)


@dataclass(frozen=True, eq=False)
class _Cone:
    """min xᵀAx over ‖x‖ = 1, Rx ≥ 0; x in the basis of some variables."""

    A: Matrix
    R: Float[np.ndarray, "kinks p"]
    basis: Matrix
    variables: Places

    def embedded(self, x: "Vector | None", size: int) -> "Vector | None":
        """Among all variables."""
        if x is None:
            return None
        out = np.zeros(size)
        out[self.variables] = self.basis @ x
        return out

    def least(self, zero: float, exits_wanted: bool) -> "tuple[float, Vector | None, Vector | None, bool]":
        """Least curvature if negative and where, a kernel direction that leaves kinks, whether all was looked at."""
        faces, looked, exits = np.zeros((1, len(self.R)), bool), 0, None
        while len(faces):
            looked += len(faces)
            if looked > _MOST_FACES:
                return 0.0, None, exits, False
            w, Q = self._on_faces(faces)
            negative = w[:, 0] < -zero
            for x in Q[negative, :, 0]:
                for candidate in (x, -x):
                    if (self.R @ candidate >= -_LEAVES).all():
                        return float(candidate @ self.A @ candidate), candidate, exits, True
            if exits_wanted and exits is None:
                for values, vectors in zip(w[~negative], Q[~negative], strict=True):
                    exits = self._leaving(vectors[:, values <= zero])
                    if exits is not None:
                        break
            faces = faces[negative]
            more = [faces | (np.arange(len(self.R)) == k) for k in range(len(self.R))]
            more = [new[~old[:, k]] for k, (new, old) in enumerate((each, faces) for each in more)]
            faces = np.unique(np.concatenate([faces[:0], *more]), axis=0)
        return 0.0, None, exits, True

    def _on_faces(self, faces: Bool[np.ndarray, "faces kinks"]) -> "tuple[Matrix, Stack]":
        """Eigenvalues and vectors of A where the kinks of a face stay zero; elsewhere a large one."""
        p, lift = len(self.A), 10 * float(np.abs(self.A).max(initial=0.0)) + 1.0
        _, s, Vt = np.linalg.svd(self.R[None] * faces[:, :, None], full_matrices=False)
        Vt = Vt * (s > _RANK * np.abs(self.R).max(initial=1e-300))[:, :, None]
        normal = Vt.swapaxes(1, 2) @ Vt
        along = np.eye(p) - normal
        w, Q = np.linalg.eigh(along @ self.A @ along + lift * normal)
        return w, Q

    def _leaving(self, kernel: Matrix) -> "Vector | None":
        """A direction of the kernel in the cone that moves a kink."""
        moved, k = self.R @ kernel, kernel.shape[1]
        if not np.abs(moved).max(initial=0.0) > _LEAVES:
            return None
        found = so.linprog(-moved.sum(axis=0), -moved, np.full(len(moved), 1e-12), bounds=[(-1, 1)] * k)
        if found.x is None or not (moved @ found.x).max(initial=0.0) > _LEAVES:
            return None
        x = kernel @ found.x
        return np.asarray(x / np.linalg.norm(x))


@dataclass(frozen=True, eq=False)
class _Piece:
    """Variables and kinks that are coupled with each other only.

    Attributes:
        variables: their places.
        kinks: places (layer, unit, class) of its weak kinks, the two-sided ones last.
        both: of these, the two-sided.
        strict: rows of its strict kinks, of these variables.
        sorted_: all kinks.
    """

    variables: Places
    kinks: list[tuple[int, int, int]]
    both: list[tuple[int, int, int]]
    strict: Matrix
    sorted_: _Sides

    def cone(self, network: HeldNetwork, choice: "tuple[float, ...]") -> _Cone:
        """With the two-sided kinks on these sides (1 above zero, 0 below)."""
        slopes = [np.zeros(q.shape) for q in self.sorted_.both]
        for (layer, i, k), side in zip(self.both, choice, strict=True):
            slopes[layer][i, k] = side
        net = _with_ends(network, self.sorted_, slopes)
        units = np.zeros((len(self.variables), network.point.size))
        units[np.arange(len(self.variables)), self.variables] = 1.0
        basis = complement(orthonormal(self.strict)) if len(self.strict) else np.eye(len(self.variables))
        A = basis.T @ net.times(units)[:, self.variables] @ basis
        masks = [np.zeros(q.shape, bool) for q in self.sorted_.both]
        for layer, i, k in self.kinks:
            masks[layer][i, k] = True
        order = [(layer, int(i), int(k)) for layer, q in enumerate(masks) for i, k in zip(*np.nonzero(q), strict=True)]
        chosen = dict(zip(self.both, (2 * s - 1 for s in choice), strict=True))
        sign = [chosen.get(at, 1.0 if self.sorted_.up[at[0]][at[1:]] else -1.0) for at in order]
        R = np.array(sign)[:, None] * net.rows(masks)[:, self.variables] @ basis
        return _Cone((A + A.T) / 2, R, basis, self.variables)


def _pieces(network: HeldNetwork, sorted_: _Sides) -> list[_Piece]:
    """Pieces with weak kinks, each once of those that are alike."""
    size, rng = network.point.size, np.random.Generator(np.random.Philox(0))
    net = _with_ends(network, sorted_, [rng.random(q.shape) for q in sorted_.both])
    H = net.times(np.eye(size))
    strict, weak = net.rows(sorted_.strict), net.rows(sorted_.weak)
    places = [(x, int(i), int(k)) for x, q in enumerate(sorted_.weak) for i, k in zip(*np.nonzero(q), strict=True)]
    graph = sp.csr_matrix(np.abs(H) > _COUPLED * np.abs(H).max())
    for rows in (strict, weak):
        touched = sp.csr_matrix(np.abs(rows) > _COUPLED * np.abs(rows).max(initial=1e-300))
        graph = graph + touched.T @ touched
    _, label = sp.csgraph.connected_components(graph, directed=False)
    owner = label[np.abs(weak).argmax(axis=1)]
    strict_owner = label[np.abs(strict).argmax(axis=1)] if len(strict) else np.zeros(0, int)
    pieces = []
    for piece in np.unique(owner):
        variables = np.flatnonzero(label == piece)
        kinks = [places[at] for at in np.flatnonzero(owner == piece)]
        both = [at for at in kinks if sorted_.both[at[0]][at[1:]]]
        pieces.append(_Piece(variables, kinks, both, strict[strict_owner == piece][:, variables], sorted_))
    return _unlike(network, sorted_, pieces)


def _unlike(network: HeldNetwork, sorted_: _Sides, pieces: list[_Piece]) -> list[_Piece]:
    """Of pieces that have the same matrices with slopes of no special value, given in the same order, the first."""
    slopes = [np.zeros(q.shape) for q in sorted_.both]
    for piece in pieces:
        for place, (layer, i, k) in enumerate(piece.both, 1):
            slopes[layer][i, k] = np.sqrt(place) % 1 or 0.5
    net = _with_ends(network, sorted_, slopes)
    H, weak = net.times(np.eye(network.point.size)), net.rows(sorted_.weak)
    places = [(x, int(i), int(k)) for x, q in enumerate(sorted_.weak) for i, k in zip(*np.nonzero(q), strict=True)]
    row = {at: place for place, at in enumerate(places)}
    kept: list[tuple[_Piece, Matrix, list[float]]] = []
    for piece in pieces:
        own = piece.variables
        rows = weak[[row[at] for at in piece.kinks]][:, own]
        kinds = [2.0 * sorted_.up[at[0]][at[1:]] + sorted_.both[at[0]][at[1:]] for at in piece.kinks]
        look = np.vstack([H[np.ix_(own, own)], piece.strict, rows])
        if not any(
            look.shape == other.shape and kinds == others and np.allclose(look, other, atol=_ALIKE)
            for _, other, others in kept
        ):
            kept.append((piece, look, kinds))
    return [piece for piece, _, _ in kept]


def _searched(network: HeldNetwork, sorted_: _Sides, zero: float, count: int, two: int) -> WeakKinks:
    """Curvature descended from random directions, wrong sides of one-sided kinks held by a stiff spring."""
    size = network.point.size
    normal = orthonormal(network.rows(sorted_.strict))
    X = np.random.Generator(np.random.Philox(2)).standard_normal((_STARTS, size))
    top = float(np.abs(np.linalg.norm(network.times(X), axis=1) / np.linalg.norm(X, axis=1)).max()) * 2
    wrong_up, wrong_down = network.rows(sorted_.up), network.rows(sorted_.down)

    def project(X: Matrix) -> Matrix:
        X = X - (X @ normal) @ normal.T
        return np.asarray(X / np.linalg.norm(X, axis=1, keepdims=True).clip(1e-300))

    def spring(X: Matrix) -> Matrix:
        return np.asarray((X @ wrong_up.T).clip(max=0) @ wrong_up + (X @ wrong_down.T).clip(min=0) @ wrong_down)

    X = project(X)
    for _ in range(_STEPS):
        X = project(X - (network.times(X, sorted_.both) + top * spring(X)) / (2 * top))
    values = (X * network.times(X, sorted_.both)).sum(axis=1)
    values = values + top * (X * spring(X)).sum(axis=1)
    best = int(np.argmin(values))
    if values[best] < -zero:
        return WeakKinks(count, two, float(values[best]), X[best], None, False)
    return WeakKinks(count, two, 0.0, None, None, False)
