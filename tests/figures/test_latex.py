"""Captions as LaTeX say what they say in figures."""

import pytest

from nccli.figures import Drawn, latex_caption
from nccli.figures.latex import latex

TEXTS = {
    "λ_H1 = 0.001, d = 9": r"$\lambda_{H_1}$ = 0.001, d = 9",
    "λ_H1/λ = 2": r"$\lambda_{H_1}/\lambda$ = 2",
    r"DNC in $\widetilde{M}_2$, 95 % of a_b": r"DNC in $\widetilde{M}_2$, 95 \% of a\_b",
    r"net p\$q.npz & 100 #1": r"net p\$q.npz \& 100 \#1",
    "mean ± 1 sd; K = r(r−1)/2 < 5": r"mean $\pm$ 1 sd; K = r(r$-$1)/2 $<$ 5",
    "exp(entropy of s/Σs), ρ²": r"exp(entropy of s/$\Sigma$s), $\rho$$^2$",
    "x^2 ~ {1}\\": r"x\textasciicircum{}2 \textasciitilde{} \{1\}\textbackslash{}",
}


@pytest.mark.parametrize("text", TEXTS)
def test_formulas_stay_and_all_else_is_literal(text: str) -> None:
    assert latex(text) == TEXTS[text]


def test_parts_have_their_titles() -> None:
    parts = {"top": Drawn([], "2 runs"), "bottom_": Drawn([], "3 runs.")}
    assert latex_caption(Drawn([], "", parts=parts)) == "\\caption{top: 2 runs. bottom\\_: 3 runs.}\n"
