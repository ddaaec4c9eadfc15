"""DNC and SRG of classes of unequal sizes: closed forms against explicit matrices, an oracle and check values."""

from dataclasses import replace

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.theory import (
    Problem,
    counts_text,
    explicit_loss,
    imbalance,
    parse_counts,
    solve,
    solve_best,
    solve_dnc,
    solve_kind,
    solve_srg,
    step_imbalance,
    surviving_classes,
    unequal_dnc,
    unequal_srg,
)
from nccli.theory.deep_neural_collapse import dnc
from nccli.theory.strongly_regular_graph import srg_template
from nccli.theory.unequal_classes import _best_weights, _weighted_loss
from tests.oracle.unequal_linear import class_losses

SHEET = Problem(10, 4, 1, 1e-3 * 10 / 550, (1e-3,) * 4, counts=(100,) * 5 + (10,) * 5)
CASES = [
    SHEET,
    replace(SHEET, counts=(10, 100) * 5),
    replace(SHEET, counts=(1000,) * 5 + (10,) * 5, lambda_h1=2e-3 * 10 / 5050, lambda_w=(1e-3, 2e-3, 3e-3, 1e-3)),
    Problem(7, 3, 1, 2e-4, (5e-4, 6e-4, 4e-4), counts=(9, 1, 4, 4, 4, 2, 9)),
    Problem(5, 2, 1, 3e-4, (1e-3, 1e-3), counts=(5, 5, 3, 1, 1)),
    Problem(4, 5, 1, 1e-4, (1e-3,) * 5, counts=(40, 1, 1, 40)),
    Problem(6, 4, 1, 1e-4, (2e-3,) * 4, counts=(50, 50, 50, 3, 2, 1)),
]


def test_the_check_values_of_the_theory_sheet() -> None:
    found = (unequal_dnc(SHEET), unequal_srg(SHEET, weighted=False)["blocks"], unequal_srg(SHEET)["blocks"])
    assert [round(solution.loss, 6) for solution in found] == [0.022888, 0.019930, 0.019266]


@pytest.mark.parametrize("problem", CASES)
def test_explicit_matrices_have_the_loss_of_the_closed_form_on_all_samples(problem: Problem) -> None:
    for solution in (unequal_dnc(problem), *unequal_srg(problem).values(), *unequal_srg(problem, False).values()):
        weights, H_1 = solution.matrices(solution.construction.min_width + 2)
        assert H_1.shape[1] == problem.class_sizes.sum()
        assert explicit_loss(problem, weights, H_1) == pytest.approx((solution.fit, solution.reg), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("problem", CASES)
def test_dnc_is_the_linear_optimum_and_keeps_the_classes_of_the_criterion(problem: Problem) -> None:
    found, wanted = unequal_dnc(problem), class_losses(problem)
    assert [block.fit + block.reg for block in found.blocks] == pytest.approx(wanted, rel=1e-10)
    assert [not block.trivial for block in found.blocks] == surviving_classes(problem).tolist()
    assert found.rank == surviving_classes(problem).sum()


def test_the_smaller_class_is_lost_first() -> None:
    problem = Problem(4, 3, 1, 1e-3, (1e-2,) * 3, counts=(40, 40, 3, 1))
    assert surviving_classes(problem).tolist() == [True, True, True, False]
    assert "class 3 is better off" in unequal_dnc(problem).construction.note


def test_means_of_smaller_classes_are_longer_as_the_formula_says() -> None:
    solution = unequal_dnc(SHEET)
    weights, H_1 = solution.matrices(10)
    M = H_1[:, SHEET.first_samples]
    y = [1 - np.sqrt(2 * block.fit * 550 / n) for block, n in zip(solution.blocks, SHEET.class_sizes, strict=True)]
    for layer in (1, 2, 3, 4):
        ratio = np.linalg.norm(M[:, 9]) / np.linalg.norm(M[:, 0])
        assert ratio == pytest.approx(10 ** ((5 - layer) / 10) * (y[9] / y[0]) ** (layer / 5), rel=1e-9)
        M = weights[layer - 1] @ M
    assert np.diag(M) == pytest.approx(y, rel=1e-9)


def test_singular_values_are_those_of_the_matrices() -> None:
    for solution in (unequal_dnc(SHEET), *unequal_srg(SHEET).values()):
        weights, H_1 = solution.matrices(12)
        M = H_1[:, SHEET.first_samples]
        for layer in (1, 2, 3, 4):
            expected = np.linalg.svd(M, compute_uv=False)
            assert solution.singular_values(layer, "post") == pytest.approx(expected, rel=1e-9, abs=1e-9)
            M = np.maximum(weights[layer - 1] @ M, 0.0)


def test_the_order_of_classes_does_not_matter() -> None:
    other = replace(SHEET, counts=(10, 100, 10, 100, 100, 10, 10, 100, 10, 100))
    assert unequal_dnc(other).loss == pytest.approx(unequal_dnc(SHEET).loss, rel=1e-14)
    assert unequal_srg(other)["blocks"].loss == pytest.approx(unequal_srg(SHEET)["blocks"].loss, rel=1e-12)


@pytest.mark.parametrize("L", [2, 4])
def test_the_slope_in_column_weights_is_that_of_differences(L: int) -> None:
    problem = Problem(10, L, 1, 2e-4, (1e-3, 2e-3, 1e-3, 3e-3)[:L], counts=(9, 9, 7, 5, 5, 3, 2, 2, 1, 1))
    template, c = srg_template(5), np.exp(0.3 * np.random.default_rng(0).normal(size=10))

    def loss(logs: np.ndarray) -> float:
        return _weighted_loss(problem, template, c * np.exp(logs), problem.class_sizes)[0]

    _, slopes = _weighted_loss(problem, template, c, problem.class_sizes)
    steps = 1e-5 * np.eye(10)
    assert slopes == pytest.approx([(loss(step) - loss(-step)) / 2e-5 for step in steps], rel=1e-5, abs=1e-10)


def test_no_other_weight_of_the_minority_is_better() -> None:
    template, sizes = srg_template(5), SHEET.class_sizes
    best = _best_weights(SHEET, template, range(10))
    least = _weighted_loss(SHEET, template, best, sizes)[0]
    for factor in (0.5, 0.99, 1.01, 2.0):
        assert _weighted_loss(SHEET, template, np.where(sizes < 100, factor, 1.0) * best, sizes)[0] > least


def test_nearly_equal_classes_have_nearly_the_solutions_of_equal_ones() -> None:
    equal = Problem(10, 4, 1000, 1e-6, (1e-3,) * 4)
    near = replace(equal, counts=(1000,) * 9 + (999,))
    for one, other in ((solve_dnc(near), solve_dnc(equal)), (solve_srg(near), solve_srg(equal))):
        assert one is not None
        assert other is not None
        assert one.loss == pytest.approx(other.loss, rel=1e-3)


def test_counts_that_are_equal_are_none() -> None:
    assert Problem(3, 3, 7, 1e-3, (1e-3,) * 3, counts=(2, 2, 2)) == Problem(3, 3, 2, 1e-3, (1e-3,) * 3)


def test_the_best_known_is_the_better_of_the_two() -> None:
    assert solve_best(SHEET).construction.kind == "srg"
    assert solve_best(replace(SHEET, counts=(1000,) * 5 + (10,) * 5)).construction.kind == "dnc"


def test_other_constructions_and_objectives_are_refused() -> None:
    with pytest.raises(InputError, match="dnc and srg alone"):
        solve_kind(SHEET, "bipartition", {})
    with pytest.raises(InputError, match="classes of one size"):
        solve(SHEET, dnc(10))


def test_step_imbalance_gives_the_first_half_and_the_odd_class_n_samples() -> None:
    assert step_imbalance(5, 100, 10) == (100, 100, 100, 10, 10)
    assert step_imbalance(4, 10, 100) == (10, 10, 1, 1)
    assert step_imbalance(4, 10, 1) == (10,) * 4
    assert imbalance(step_imbalance(4, 30, 3)) == 3
    for ratio in (0.5, float("nan"), float("inf"), -1):
        with pytest.raises(InputError, match="imbalance"):
            step_imbalance(4, 10, ratio)


def test_counts_are_read_as_they_are_written() -> None:
    assert parse_counts(counts_text((100, 10, 1))) == (100, 10, 1)
    for text in ("", "1,", "1,0", "1,-2", "1,2.0", "1,x", "١,2"):
        with pytest.raises(InputError, match="class-counts"):
            parse_counts(text)
