"""From a template pair to the optimal point: scales, loss, spectra, explicit matrices. Theory sheet, section 2."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float

from nccli.errors import InputError
from nccli.objective import Optimum, objective_named
from nccli.theory.problem import Problem
from nccli.theory.template import PINV_RTOL, Construction, Matrix, Template


@dataclass(frozen=True, eq=False)
class BlockSolution:
    """One block at its optimal scales.

    Attributes:
        template: the block's template pair.
        scales: α_2, …, α_L; all zero when the trivial point is the block's optimum.
        fit: part of the fit, 1/(2N) ‖W_L H_L − Y‖² for the squared error, that belongs to the block's classes.
        reg: the block's regularisation.
        nontrivial_loss: loss of the best non-zero stationary point, inf when there is none.
        trivial: whether zero beats that point.
    """

    template: Template
    scales: Float[np.ndarray, " scales"]
    fit: float
    reg: float
    nontrivial_loss: float
    trivial: bool


@dataclass(frozen=True, eq=False)
class Solution:
    """A construction at the scales that minimise the loss of a problem; all layers are DNC1-collapsed.

    Attributes:
        problem: sizes and regularisation.
        construction: the templates.
        blocks: one solution a block.
    """

    problem: Problem
    construction: Construction
    blocks: tuple[BlockSolution, ...]

    @property
    def fit(self) -> float:
        """What the objective makes of the output; 1/(2N) ‖W_L H_L − Y‖² for the squared error."""
        return sum(block.fit for block in self.blocks)

    @property
    def reg(self) -> float:
        """Σ_l λ_{W_l}/2 ‖W_l‖² + λ_{H_1}/2 ‖H_1‖²."""
        return sum(block.reg for block in self.blocks)

    @property
    def loss(self) -> float:
        """fit + reg; at most that of the trivial point: 1/2 for the squared error, log K for cross-entropy."""
        return self.fit + self.reg

    @property
    def trivial(self) -> bool:
        """Whether the optimum of this construction is the all-zero point."""
        return all(block.trivial for block in self.blocks)

    @property
    def rank(self) -> int:
        """Rank of T, and so of the class means of layers 2..L−1 where no block is zero."""
        return sum(block.template.singular_values.rank for block in self.blocks)

    @property
    def nontrivial_loss(self) -> float:
        """Loss of the best point with no zero block; above `loss` where a block is better off at zero, may be inf."""
        return sum(block.nontrivial_loss for block in self.blocks)

    def singular_values(self, layer: int, stage: str) -> Float[np.ndarray, " K"]:
        """Singular values of the class-mean matrix of a layer, largest first, without building it.

        Args:
            layer: l in 1..L; l in 2..L for stage "pre".
            stage: "pre" for Mt_l, "post" for M_l.

        Raises:
            ValueError: no such layer or stage.
        """
        if stage not in ("pre", "post") or not (2 if stage == "pre" else 1) <= layer <= self.problem.L:
            raise ValueError(f"no stage '{stage}' of layer {layer}: L = {self.problem.L}, and layer 1 has no 'pre'")
        values = [self._block_spectrum(block, layer, stage) for block in self.blocks]
        return np.sort(np.concatenate(values))[::-1]

    def _block_spectrum(self, block: BlockSolution, layer: int, stage: str) -> Float[np.ndarray, " k"]:
        L, template = self.problem.L, block.template
        if layer == 1:
            second = self._block_spectrum(block, 2, "pre")
            return np.asarray((self.problem.lambda_w[0] / self.problem.collapsed_lambda_h1) ** 0.25 * np.sqrt(second))
        scale = math.sqrt(float(block.scales[layer - 2]))
        if layer < L:
            return np.asarray(scale * template.singular_values.expand())
        if stage == "pre":
            return np.asarray(scale * template.last_singular_values.expand())
        return np.asarray(scale * np.sqrt(template.output_eigenvalues.expand()))

    def matrices(self, width: int) -> tuple[list[Matrix], Matrix]:
        """Build the point explicitly.

        Template rows become the first rows of the features, block after block; the other rows are zero.

        Args:
            width: d, at least `construction.min_width`.

        Returns:
            (W_1..W_L, H_1): W_l of shape (d, d), W_L of shape (K, d), H_1 of shape (d, nK).

        Raises:
            InputError: the width is too small for the construction.
        """
        self.require_width(width)
        return _explicit_point(self, width)

    def require_width(self, width: int) -> None:
        """Refuse a width that is too small for the construction.

        Raises:
            InputError: it is.
        """
        least = self.construction.min_width
        if width < least:
            raise InputError(
                f"width {width} is too small for {self.construction.label}: "
                f"K = {self.problem.K} needs a width of at least {least}"
            )


def solve(problem: Problem, construction: Construction) -> Solution:
    """Minimise the loss of a construction over its scales α_2..α_L, in closed form but for one scalar root.

    Raises:
        InputError: the construction is for another number of classes, or has no closed form with the objective.
    """
    if problem.counts is not None:
        raise InputError(f"{construction.label}: its closed form is for classes of one size (`unequal_classes`)")
    if construction.K != problem.K:
        raise InputError(f"{construction.label} has {construction.K} classes, the problem has K = {problem.K}")
    templates = [block.without_activation() if problem.linear else block for block in construction.blocks]
    if len(templates) > 1 and not objective_named(problem.objective).adds_over_blocks:
        if len(templates) > _MOST_BLOCKS:
            raise InputError(
                f"{construction.label}: {len(templates)} blocks, whose scales are one problem with objective "
                f"{problem.objective}: at most {_MOST_BLOCKS}"
            )
        return Solution(problem, construction, _joint_blocks(problem, templates))
    return Solution(problem, construction, tuple(solve_block(problem, block) for block in templates))


def _joint_blocks(problem: Problem, templates: Sequence[Template]) -> tuple[BlockSolution, ...]:
    """Blocks that see each other: of all ways to let some of them be zero the one with the least loss."""
    objective, K, L = objective_named(problem.objective), problem.K, problem.L
    costs = [_log_layer_costs(problem, template) for template in templates]
    log_c = [_log_c(L, each) for each in costs]
    zero = [_zero_loss(problem, each) for each in templates]
    best: tuple[Optimum, ...] = tuple(Optimum(-math.inf, loss, loss) for loss in zero)
    whole = best
    for kept in product((True, False), repeat=len(templates)):
        least = sum(loss for loss, keep in zip(zero, kept, strict=True) if not keep)
        if not any(kept) or least >= _loss(best):
            continue  # the samples of a zero block have the trivial loss, whatever the others do
        terms = [c if keep else None for c, keep in zip(log_c, kept, strict=True)]
        found = objective.best_scales(templates, K, L, problem.lambda_w[-1], terms)
        whole = found if all(kept) else whole
        best = found if _loss(found) < _loss(best) else best
    return tuple(
        BlockSolution(template, _scales(L, cost, at), at.fit, at.loss - at.fit, full.loss, at.log_u == -math.inf)
        for template, at, full, cost in zip(templates, best, whole, costs, strict=True)
    )


def _loss(blocks: Sequence[Optimum]) -> float:
    return sum(each.loss for each in blocks)


def _scales(L: int, log_costs: list[float], best: Optimum) -> Float[np.ndarray, " scales"]:
    """α_2..α_L of a block with this α_L; zero where that is."""
    if best.log_u == -math.inf:
        return np.zeros(L - 1)
    return balanced_scales(log_costs, _log_c(L, log_costs) - math.log(L) + best.log_u)


_MOST_BLOCKS = 4
"""A taste: all 2^4 ways to let some be zero are tried."""


def _zero_loss(problem: Problem, template: Template) -> float:
    return template.classes * problem.trivial_loss / problem.K


def _log_c(L: int, log_costs: Sequence[float]) -> float:
    """log c of the cost c u of everything before W_L: L (P/4)^{1/L} at u = α_L^{1/L}."""
    return math.log(L) + (2 * log_costs[0] + sum(log_costs[1:]) - math.log(4)) / L


def solve_block(problem: Problem, template: Template) -> BlockSolution:
    """Minimise what the objective makes of α_L, W_L included, and L (P/4)^{1/L}, P = a_1² a_2 ⋯ a_{L−1} α_L, over α_L.

    In u = α_L^{1/L} the latter is c u.
    """
    K, L = problem.K, problem.L
    objective = objective_named(problem.objective)
    log_costs = _log_layer_costs(problem, template)
    log_c = _log_c(L, log_costs)
    zero_loss = _zero_loss(problem, template)
    best = objective.best_scale(template, K, L, problem.lambda_w[-1], log_c)
    if not best.loss < zero_loss:
        return BlockSolution(template, np.zeros(L - 1), zero_loss, 0.0, best.loss, True)
    return BlockSolution(template, _scales(L, log_costs, best), best.fit, best.loss - best.fit, best.loss, False)


def _log_layer_costs(problem: Problem, template: Template) -> list[float]:
    """log a_1, …, log a_{L−1} of theory sheet section 2; for L = 2 a_1 alone, with ‖Tt_L‖_* in place of ‖T‖_*."""
    root = (math.log(problem.lambda_w[0]) + math.log(problem.collapsed_lambda_h1)) / 2
    if problem.L == 2:
        return [root + math.log(template.last_singular_values.total)]
    costs = [root + math.log(template.singular_values.total)]
    rank = template.singular_values.rank
    costs += [math.log(lam) + math.log(rank / 2) for lam in problem.lambda_w[1 : problem.L - 2]]
    return [*costs, math.log(problem.lambda_w[problem.L - 2]) + math.log(template.last_map_norm_sq / 2)]


def balanced_scales(log_costs: list[float], log_share: float) -> Float[np.ndarray, " scales"]:
    """α_2..α_L that make the costs 2 : 1 : 1 : … of exp(log_share) each."""
    steps = [2 * (math.log(2) + log_share - log_costs[0]), *(log_share - cost for cost in log_costs[1:])]
    return np.asarray(np.exp(np.cumsum(steps)))


def _explicit_point(solution: Solution, width: int) -> tuple[list[Matrix], Matrix]:
    problem = solution.problem
    K, L = problem.K, problem.L
    pre, post = _class_means(solution, width)
    lam_1, lam_h = problem.lambda_w[0], problem.collapsed_lambda_h1
    U, s, Vt = np.linalg.svd(pre[0], full_matrices=False)
    root = np.sqrt(np.where(s > 1e-12 * s[0], s, 0.0))  # rounding of zeros, whose root would be 1e-6
    weights = [np.zeros((width, width))]
    weights[0][:, : root.size] = (lam_h / lam_1) ** 0.25 * U * root
    M_1 = np.zeros((width, K))
    M_1[: root.size] = (lam_1 / lam_h) ** 0.25 * root[:, None] * Vt
    weights += [
        target @ np.linalg.pinv(given, rcond=PINV_RTOL) for target, given in zip(pre[1:], post[:-1], strict=True)
    ]
    weights.append(objective_named(problem.objective).last_weights(post[-1], problem.lambda_w[L - 1]))
    return weights, np.repeat(M_1, problem.n, axis=1)


def _class_means(solution: Solution, width: int) -> tuple[list[Matrix], list[Matrix]]:
    """(Mt_2..Mt_L, M_2..M_L), each of shape (d, K)."""
    L, K = solution.problem.L, solution.problem.K
    pre = [np.zeros((width, K)) for _ in range(L - 1)]
    column = row = last_row = 0
    for block in solution.blocks:
        T, Tt_L = block.template.matrices()
        columns = slice(column, column + block.template.classes)
        for i, scale in enumerate(np.sqrt(block.scales[:-1])):
            pre[i][row : row + T.shape[0], columns] = scale * T
        pre[-1][last_row : last_row + Tt_L.shape[0], columns] = math.sqrt(block.scales[-1]) * Tt_L
        column, row, last_row = columns.stop, row + T.shape[0], last_row + Tt_L.shape[0]
    return pre, [solution.problem.activated(M) for M in pre]
