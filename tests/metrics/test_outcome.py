"""What became of a run is the first outcome that holds, and hidden layers decide."""

import numpy as np
import pytest

from nccli.catalogue.outcomes import DEGENERATE, MEANINGS, Outcome
from nccli.catalogue.stages import Stage, deciding_layers
from nccli.metrics import LayerFindings, RunOutcome, classes_kept, ridge_output, run_outcome
from nccli.theory import Problem, dnc, solve, srg
from tests.oracle.structure_cases import layers

NONE, DNC, SRG, CONSTANT = (
    LayerFindings(6, "none"),
    LayerFindings(10, "dnc"),
    LayerFindings(5, "srg t(5)"),
    LayerFindings(1, "constant"),
)
ZERO = LayerFindings(0, "zero")


def test_layer_2_after_activation_decides_where_there_are_no_layers_between() -> None:
    assert deciding_layers(2) == (Stage(2, "post"),)
    assert deciding_layers(4) == (Stage(2, "post"), Stage(3, "post"))
    assert deciding_layers(1) == (Stage(1, "post"),)


def test_every_outcome_says_what_it_means_and_the_degenerate_ones_are_among_them() -> None:
    assert set(MEANINGS) == set(Outcome) > set(DEGENERATE)


@pytest.mark.parametrize(
    ("hidden", "last", "kept", "expected"),
    [
        ([ZERO, ZERO], ZERO, 0, "zero"),
        ([NONE, ZERO], ZERO, 0, "zero"),
        ([NONE, NONE], ZERO, 0, "zero"),
        ([CONSTANT, CONSTANT], CONSTANT, 0, "constant"),
        ([NONE, NONE], CONSTANT, 0, "constant"),
        ([CONSTANT, CONSTANT], NONE, None, "constant"),
        ([CONSTANT, NONE], NONE, 3, "lost_classes"),  # means that look alike, and an output that tells some apart
        ([CONSTANT, CONSTANT], NONE, 10, "low_rank"),
        ([DNC, DNC], DNC, 9, "lost_classes"),
        ([DNC, DNC], NONE, 10, "dnc"),
        ([DNC, DNC], NONE, None, "dnc"),
        ([LayerFindings(15, "petersen")] * 2, NONE, 10, "petersen"),
        ([DNC, SRG], NONE, 10, "low_rank"),
        ([NONE, NONE], NONE, 10, "low_rank"),
        ([LayerFindings(10, "none"), NONE], NONE, 10, "low_rank"),
        ([LayerFindings(10, "none"), DNC], NONE, 10, "full_rank"),
    ],
)
def test_the_first_that_holds_is_the_outcome(
    hidden: list[LayerFindings], last: LayerFindings, kept: int | None, expected: str
) -> None:
    assert run_outcome(10, hidden, last, kept) == RunOutcome(expected)


@pytest.mark.parametrize("name", ["srg t(5)", "srg t(5) minus 2", "srg t(5) ⊕ dnc(2)"])
def test_solutions_of_definitions_9_to_11_are_srg_with_their_r(name: str) -> None:
    assert run_outcome(10, [LayerFindings(5, name)] * 2, None, 10) == RunOutcome("srg", 5)


def test_a_run_that_diverged_says_so_and_one_of_which_nothing_is_known_says_nothing() -> None:
    assert run_outcome(10, [], diverged=True) == run_outcome(10, [DNC], diverged=True) == RunOutcome("diverged")
    assert run_outcome(10, []) is None


@pytest.mark.parametrize("construction", [dnc(6), srg(10, "blocks"), srg(8, "truncated")], ids=lambda each: each.label)
def test_the_last_weights_of_a_solution_are_those_that_its_last_layer_implies(construction) -> None:  # type: ignore[no-untyped-def]  # a Construction
    problem = Problem.uniform(construction.K, 4, 1e-3)
    weights, hidden = solve(problem, construction).matrices(construction.min_width)
    for W in weights[:-1]:
        hidden = np.maximum(W @ hidden, 0.0)
    assert ridge_output(hidden.T, 1e-3) == pytest.approx((weights[-1] @ hidden).T, abs=1e-9)
    assert classes_kept(ridge_output(hidden.T, 1e-3), hidden.T) == construction.K


def test_a_class_without_features_is_lost_by_that_output_too() -> None:
    means = layers(dnc(6))["M_4"].T.copy()
    means[2] = 0.0
    assert classes_kept(ridge_output(means, 1e-4), means) == 5
