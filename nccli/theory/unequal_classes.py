"""Classes of unequal sizes: the linear optimum, which is DNC-shaped, and SRG solutions with column weights.

Theory sheet, section 7 (derived for this project): n_k samples of class k, N = Σ n_k, D = diag(n_k/N), squared error.

Deep linear, and an upper bound for ReLU: the classes do not see each other. With Λ = λ_{H_1} ∏ λ_{W_l} and y_k the
diagonal of the output

    loss = Σ_k min{ n_k/(2N), min_y n_k/(2N) (1−y)² + (L+1)/2 (Λ n_k y²)^{1/(L+1)} },

and class k is kept iff n_k^L > Λ N^{L+1} L^{2L}/(L−1)^{L−1}. Means are orthogonal, and longer for smaller classes:
‖m_k‖ goes with n_k^{−(L+1−l)/(2(L+1))} y_k^{l/(L+1)} in layer l.

SRG: templates T diag(c) and Tt_L diag(c) with a weight c_k > 0 for each class, or 0 where it is lost. In the formulas
of section 2 ‖T diag(c √n)‖_* takes the place of √n ‖T‖_*, and with M = σ(Tt_L) diag(c) fit and W_L together cost

    λ_{W_L}/2 tr[ D (α_L D^½ MᵀM D^½ + λ_{W_L} I)^{-1} ].

The largest classes are the first edges of the complete graph, in lexicographic order, so that the order of the classes
does not matter. Other edges change the loss at K = 10, five classes of ten times the others' size, by 0.2 % at most.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from nccli.errors import InputError
from nccli.objective.scalar_minimum import lowest_minimum
from nccli.theory.deep_neural_collapse import dnc_template
from nccli.theory.problem import Problem
from nccli.theory.solution import BlockSolution, Solution, balanced_scales
from nccli.theory.strongly_regular_graph import srg, srg_variants
from nccli.theory.template import PINV_RTOL, Construction, Matrix, Template

Counts = Int[np.ndarray, " k"]
Vector = Float[np.ndarray, " _"]

_MOST_LOG = 5.0
"""A taste: column weights differ at most by a factor e^5 from that of the largest classes, or are zero."""

_MOST_WEIGHTED = 200
"""A taste: classes up to which column weights are sought. A measurement: 1 s for 45 sizes of 45 classes."""

_TRIED = 2
"""A taste: numbers of lost sizes that column weights are sought for, beside none."""

_ROUNDING = 1e-11
"""A bound: of the largest eigenvalue; what is below is rounding of zero."""

_SMALL = 1e-12
"""A bound: singular values that are rounding of zero, whose root would be 1e-6."""


@dataclass(frozen=True, eq=False)
class UnequalSolution(Solution):
    """A construction at its best scales for classes of unequal sizes.

    Attributes:
        columns: classes of each block, in the order of its template's columns.
    """

    columns: tuple[tuple[int, ...], ...]

    @property
    def rank(self) -> int:
        """Rank of the class means of layers 2..L−1."""
        return sum(block.template.singular_values.rank for block in self.blocks if not block.trivial)

    def singular_values(self, layer: int, stage: str) -> Float[np.ndarray, " K"]:
        """See `Solution.singular_values`; the class means are built."""
        if stage not in ("pre", "post") or not (2 if stage == "pre" else 1) <= layer <= self.problem.L:
            raise ValueError(f"no stage '{stage}' of layer {layer}: L = {self.problem.L}, and layer 1 has no 'pre'")
        pre, post = self._class_means(self.construction.min_width)
        M = self._first(pre[0])[1] if layer == 1 else (pre if stage == "pre" else post)[layer - 2]
        return np.asarray(np.linalg.svd(M, compute_uv=False))

    def matrices(self, width: int) -> tuple[list[Matrix], Matrix]:
        """See `Solution.matrices`; the n_k samples of a class stand next to each other."""
        self.require_width(width)
        problem = self.problem
        pre, post = self._class_means(width)
        W_1, M_1 = self._first(pre[0])
        pairs = zip(pre[1:], post[:-1], strict=True)
        weights = [W_1, *(target @ np.linalg.pinv(given, rcond=PINV_RTOL) for target, given in pairs)]
        root = np.sqrt(problem.class_sizes / problem.class_sizes.sum())
        M = post[-1] * root
        ridge = M.T @ M + problem.lambda_w[-1] * np.eye(problem.K)
        weights.append(root[:, None] * np.linalg.solve(ridge, M.T))
        return weights, np.repeat(M_1, problem.class_sizes, axis=1)

    def _first(self, Mt_2: Float[np.ndarray, "d K"]) -> tuple[Matrix, Matrix]:
        """W_1 and M_1 of least λ_{W_1}/2 ‖W_1‖² + λ_{H_1}/2 Σ_k n_k ‖m_k‖² with W_1 M_1 = Mt_2."""
        d, root_n = len(Mt_2), np.sqrt(self.problem.class_sizes)
        U, s, Vt = np.linalg.svd(Mt_2 * root_n, full_matrices=False)
        root = np.sqrt(np.where(s > _SMALL * s[0], s, 0.0))
        ratio = (self.problem.lambda_h1 / self.problem.lambda_w[0]) ** 0.25
        W_1, M_1 = np.zeros((d, d)), np.zeros((d, self.problem.K))
        W_1[:, : root.size] = ratio * U * root
        M_1[: root.size] = root[:, None] * Vt / ratio / root_n
        return W_1, M_1

    def _class_means(self, width: int) -> tuple[list[Matrix], list[Matrix]]:
        """(Mt_2..Mt_L, M_2..M_L), each of shape (d, K)."""
        pre = [np.zeros((width, self.problem.K)) for _ in range(self.problem.L - 1)]
        row = last_row = 0
        for block, columns in zip(self.blocks, self.columns, strict=True):
            T, Tt_L = block.template.matrices()
            for i, scale in enumerate(np.sqrt(block.scales[:-1])):
                pre[i][row : row + len(T), columns] = scale * T
            pre[-1][last_row : last_row + len(Tt_L), columns] = math.sqrt(block.scales[-1]) * Tt_L
            row, last_row = row + len(T), last_row + len(Tt_L)
        return pre, [np.maximum(M, 0.0) for M in pre]


def surviving_classes(problem: Problem) -> Bool[np.ndarray, " K"]:
    """Which classes the linear optimum keeps: n_k^L > Λ N^{L+1} L^{2L}/(L−1)^{L−1}."""
    L, sizes = problem.L, problem.class_sizes
    log_threshold = math.log(problem.lambda_h1) + sum(map(math.log, problem.lambda_w))
    log_threshold += (L + 1) * math.log(sizes.sum()) + 2 * L * math.log(L) - (L - 1) * math.log(L - 1)
    return np.asarray(L * np.log(sizes) > log_threshold)


def unequal_dnc(problem: Problem) -> UnequalSolution:
    """The optimum of a deep linear network, whose class means are orthogonal: a point of ReLU networks too.

    Raises:
        InputError: the objective is not the squared error.
    """
    _require_squared_error(problem)
    alone = dnc_template(1)
    by_size = {size: _solve_block(problem, alone, [k]) for k, size in enumerate(problem.class_sizes.tolist())}
    blocks = [by_size[size] for size in problem.class_sizes.tolist()]
    construction = Construction("dnc", "", (alone,) * problem.K, note=_lost_note(blocks), name=f"dnc({problem.K})")
    return UnequalSolution(problem, construction, tuple(blocks), tuple((k,) for k in range(problem.K)))


def unequal_srg(problem: Problem, weighted: bool = True) -> Mapping[str, UnequalSolution]:
    """The SRG solutions (Definitions 9 and 11) by variant; none for K < 4. See the module for their edges.

    Of variant "blocks" the largest classes are those of the graph, and the others have orthogonal means.

    Args:
        problem: sizes and regularisation.
        weighted: whether column weights are those of the least loss, the same for classes of one size; else all 1, as
            they are of more than 200 classes.

    Raises:
        InputError: the objective is not the squared error.
    """
    _require_squared_error(problem)
    order = np.argsort(-problem.class_sizes, kind="stable").tolist()
    found = {}
    for plain in srg_variants(problem.K):
        template = plain.blocks[0]
        edges, others = order[: template.classes], order[template.classes :]
        is_sought = weighted and len(edges) <= _MOST_WEIGHTED
        c = _best_weights(problem, template, edges) if is_sought else np.ones(len(edges))
        graph = _weighted(template, c)
        alone = dnc_template(1)
        blocks = [_solve_block(problem, graph, edges), *(_solve_block(problem, alone, [k]) for k in others)]
        note = "; ".join(filter(None, (plain.note, _weights_note(c, problem.class_sizes[edges]))))
        templates = (graph, *(alone for _ in others))
        construction = Construction("srg", plain.variant, templates, note=note, name=plain.label)
        columns = (tuple(edges), *((k,) for k in others))
        found[plain.variant] = UnequalSolution(problem, construction, tuple(blocks), columns)
    return found


def solve_unequal(problem: Problem, kind: str, variant: str | None = None) -> Solution:
    """The solution of a kind for classes of unequal sizes.

    Raises:
        InputError: there is none.
    """
    if kind == "dnc":
        return unequal_dnc(problem)
    if kind != "srg":
        raise InputError(f"{kind}: classes of unequal sizes have closed forms of dnc and srg alone")
    if variant is not None:
        variant = srg(problem.K, variant).variant  # or says what is wrong with it
    solutions = unequal_srg(problem)
    found = [solutions[name] for name in solutions if len(solutions) == 1 or variant in (None, name)]
    if not found:
        raise InputError(f"K = {problem.K}: an SRG solution needs K >= 4; --kind dnc has no such limit")
    return min(found, key=lambda solution: solution.loss)


def _solve_block(problem: Problem, template: Template, classes: Sequence[int]) -> BlockSolution:
    """Minimise the loss of a block over α_2..α_L."""
    share = problem.class_sizes[list(classes)] / problem.class_sizes.sum()
    log_costs, log_c, values, weights = _terms(problem, template, problem.class_sizes[list(classes)])
    seen = values > 0
    log_y1 = np.log(values[seen]) - math.log(problem.lambda_w[-1])
    zero, lost = float(share.sum()) / 2, float(weights[~seen].sum())
    log_u, loss = lowest_minimum(log_c, log_y1, weights[seen], 1, problem.L, lost) if seen.any() else (-math.inf, zero)
    if not loss < zero:
        return BlockSolution(template, np.zeros(problem.L - 1), zero, 0.0, loss, True)
    fit = float(weights[seen] @ np.exp(-2 * np.logaddexp(0, log_y1 + problem.L * log_u)) + lost) / 2
    scales = balanced_scales(log_costs, log_c - math.log(problem.L) + log_u)
    return BlockSolution(template, scales, fit, loss - fit, loss, False)


def _terms(problem: Problem, template: Template, sizes: Counts) -> tuple[list[float], float, Vector, Vector]:
    """What the loss of α_L = u^L, λ_{W_L}/2 Σ_i w_i/(α_L μ_i + λ_{W_L}) + c u, is made of.

    Returns:
        log a_1, …, log a_{L−1}; log c; the eigenvalues μ_i of D^½ MᵀM D^½, rounding as 0, and w_i = v_iᵀ D v_i.
    """
    L, lam = problem.L, problem.lambda_w
    T, Tt_L = template.matrices()
    nuclear = float(np.linalg.svd((Tt_L if L == 2 else T) * np.sqrt(sizes), compute_uv=False).sum())
    log_costs = [(math.log(lam[0]) + math.log(problem.lambda_h1)) / 2 + math.log(nuclear)]
    if L > 2:
        rank = template.singular_values.rank
        log_costs += [math.log(each) + math.log(rank / 2) for each in lam[1 : L - 2]]
        log_costs.append(math.log(lam[L - 2]) + math.log(template.last_map_norm_sq / 2))
    log_c = math.log(L) + (2 * log_costs[0] + sum(log_costs[1:]) - math.log(4)) / L
    share = sizes / problem.class_sizes.sum()
    M = np.maximum(Tt_L, 0.0) * np.sqrt(share)
    values, vectors = np.linalg.eigh(M.T @ M)
    return log_costs, log_c, np.where(values > _ROUNDING * values[-1], values, 0.0), share @ vectors**2


def _best_weights(problem: Problem, template: Template, classes: Sequence[int]) -> Vector:
    """Column weights of the least loss: 1 for the largest classes, equal ones for classes of one size.

    Some of the smallest sizes may be lost, with weight 0: of how many is tried in `_TRIED` ways, those that are best
    with equal weights, and none.
    """
    from scipy.optimize import minimize

    sizes = problem.class_sizes[list(classes)]
    distinct = np.unique(sizes)[::-1]
    members = distinct[:, None] == sizes

    def weights(logs: Vector) -> Vector:
        return np.asarray(np.concatenate([[1.0], np.exp(logs), np.zeros(len(distinct) - 1 - len(logs))]) @ members)

    def value(logs: Vector) -> tuple[float, Vector]:
        found, slopes = _weighted_loss(problem, template, weights(logs), sizes)
        return found, (members @ slopes)[1 : 1 + len(logs)]

    starts = [np.zeros(kept) for kept in reversed(range(len(distinct)))]
    starts = [starts[0], *sorted(starts[1:], key=lambda logs: value(logs)[0])[:_TRIED]]
    best, best_loss = np.ones(len(sizes)), math.inf
    for start in starts:
        ends = [start]
        if len(start) and math.isfinite(value(start)[0]):
            bounds, options = [(-_MOST_LOG, _MOST_LOG)] * len(start), {"ftol": 1e-15, "gtol": 1e-11}
            ends.append(minimize(value, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x)
        for logs in ends:
            if value(logs)[0] < best_loss:
                best, best_loss = weights(logs), value(logs)[0]
    return best


def _weighted_loss(problem: Problem, template: Template, c: Vector, sizes: Counts) -> tuple[float, Vector]:
    """The best non-zero loss of a block with these column weights, inf if there is none, and its slope in log c.

    ‖Tt_L diag(c) (T diag(c))⁺‖ depends on which c are zero alone: Tt_L = CT, and of C what acts on the columns counts.
    """
    weighted = _weighted(template, c)
    _, log_c, values, weights = _terms(problem, weighted, sizes)
    seen, decay, none = values > 0, problem.lambda_w[-1], np.zeros(len(c))
    if not seen.any():
        return math.inf, none
    log_y1, lost = np.log(values[seen]) - math.log(decay), float(weights[~seen].sum())
    log_u, loss = lowest_minimum(log_c, log_y1, weights[seen], 1, problem.L, lost)
    if not math.isfinite(loss):
        return math.inf, none
    T, Tt_L = weighted.matrices()
    costly = (Tt_L if problem.L == 2 else T) * np.sqrt(sizes)
    U, s, Vt = np.linalg.svd(costly, full_matrices=False)
    of_nuclear = ((U[:, s > _SMALL * s[0]] @ Vt[s > _SMALL * s[0]]) * costly).sum(axis=0) / s.sum()
    share = sizes / problem.class_sizes.sum()
    M = np.maximum(Tt_L, 0.0) * np.sqrt(share)
    gram, alpha = M.T @ M, math.exp(problem.L * log_u)
    inverse = np.linalg.inv(alpha * gram + decay * np.eye(len(c)))
    of_fit = -decay * alpha * ((gram @ inverse) * (inverse * share)).sum(axis=1)
    return loss, of_fit + 2 * math.exp(log_c + log_u) / problem.L * of_nuclear


def _weighted(template: Template, c: Vector) -> Template:
    """Both templates with their columns scaled."""
    T, Tt_L = template.matrices()
    return Template.from_matrices(template.name, T * c, Tt_L * c)


def _weights_note(c: Vector, sizes: Counts) -> str:
    told = dict(sorted(zip(sizes.tolist(), c.tolist(), strict=True), reverse=True))
    return "column weights " + ", ".join(f"{weight:.4g} (n = {size})" for size, weight in told.items())


def _lost_note(blocks: Sequence[BlockSolution]) -> str:
    lost = [str(k) for k, block in enumerate(blocks) if block.trivial]
    if not lost or len(lost) == len(blocks):
        return ""
    named = f"class {lost[0]} is" if len(lost) == 1 else f"classes {', '.join(lost)} are"
    return f"{named} better off at zero, and lost"


def _require_squared_error(problem: Problem) -> None:
    if problem.objective != "mse":
        raise InputError(f"objective {problem.objective}: classes of unequal sizes have closed forms with mse alone")
