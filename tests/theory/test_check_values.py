"""Printed values of the theory sheet, to every digit."""

import pytest

from nccli.theory import Problem, graph, parse_graph, solve, solve_dnc, solve_srg


@pytest.mark.parametrize(
    ("L", "K", "dnc", "srg", "ratio"),
    [
        (3, 6, "0.00599549", "0.00633160", "1.056059"),
        (3, 10, "0.00998747", "0.00921932", "0.923088"),
        (4, 6, "0.00749549", "0.00722033", "0.963289"),
        (4, 190, "0.23269796", "0.14724935", "0.632792"),
    ],
)
def test_table_at_weight_decay_5e_4(L: int, K: int, dnc: str, srg: str, ratio: str) -> None:
    problem = Problem.uniform(K, L, 5e-4)
    dnc_solution, srg_solution = solve_dnc(problem), solve_srg(problem)
    assert srg_solution is not None
    assert f"{dnc_solution.loss:.8f}" == dnc
    assert f"{srg_solution.loss:.8f}" == srg
    assert f"{srg_solution.loss / dnc_solution.loss:.6f}" == ratio


def test_at_K_10_L_4_srg_beats_identity_output_beats_dnc() -> None:
    problem = Problem.uniform(10, 4, 0.004)
    srg_solution = solve_srg(problem)
    assert srg_solution is not None
    identity = solve(problem, graph(parse_graph("complete-5"), "identity"))
    assert f"{srg_solution.loss:.5f}" == "0.08091"
    assert f"{identity.loss:.5f}" == "0.08947"
    assert f"{solve_dnc(problem).loss:.5f}" == "0.09918"
