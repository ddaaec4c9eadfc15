"""Bipartition rows: SRG's hidden layers below a last layer that is better from K = 15 on (theory sheet, section 5)."""

from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from math import comb, perm, sqrt

from nccli.errors import InputError
from nccli.theory import strongly_regular_graph as srg
from nccli.theory.problem import Problem
from nccli.theory.spectrum import Spectrum
from nccli.theory.template import Construction, Family

_MOST_VERTICES = 1000
"""A bound: the width C(r, s) has 300 digits there, and no computer has it from r = 40 on."""


@lru_cache(maxsize=1024)
def bipartition(K: int, s: int) -> Construction:
    """T of SRG T(r); a row uB/√C(r, s) of Tt_L for every s-subset of the r vertices, u = +1 on it and −1 off it."""
    r = srg.triangular_root(K) or 0
    if r > _MOST_VERTICES:
        raise InputError(f"K = {K}: bipartition rows have up to C(r, r/2) of a width, and r = {r} > {_MOST_VERTICES}")
    if r < 4 or not 2 <= s < r:
        raise InputError(f"K = {K}, s = {s}: bipartition rows need K = r(r-1)/2, r >= 4, and 2 <= s < r")
    unlike = 4 * s * (r - s) / (r * (r - 1))  # 1 − mean of u_i u_j
    output = [4 * perm(s, k) / perm(r, k) for k in (2, 3, 4)]
    last = ((abs(r - 2 * s) * sqrt(2 * (r - 1) / r), 1), (sqrt(unlike * (r - 2)), r - 1), (0.0, K - r))
    template = replace(
        srg.srg_template(r),
        name=f"bipartition t({r}), s = {s}",
        last_rows=comb(r, s),
        last_singular_values=Spectrum.of(*last),
        last_map_norm_sq=float(r * (r - 1)),
        output_eigenvalues=srg.triangular_spectrum(r, *output),
        matrices=lambda: srg.vertex_matrices(r, [*combinations(range(r), r - s)], sqrt(comb(r, s))),
        logits=lambda: srg.triangular_logits(r, *output),
    )
    return Construction("bipartition", "", (template,), about={"s": s})


def _forms(problem: Problem, s: int | None = None) -> list[Construction]:
    if problem.linear:
        raise InputError("bipartition rows are cut by ReLU, and a linear network has none: --activation relu")
    r = min(srg.triangular_root(problem.K) or 4, _MOST_VERTICES + 1)
    return [bipartition(problem.K, each) for each in (range(2, r) if s is None else [s])]


FAMILY = Family("bipartition", _forms, takes=("s",))
