"""Solutions from hypergraphs: classes are subsets of a few vertices, all weights free (theory sheet, section 5)."""

import re
from collections.abc import Sequence

from nccli.catalogue.options import ObjectiveName
from nccli.errors import InputError
from nccli.theory.hypergraph_weights import weighted_template
from nccli.theory.problem import Problem
from nccli.theory.template import Construction, Family

Subsets = tuple[tuple[int, ...], ...]
"""Classes as sorted vertices 0..r−1."""

_SUBSET = re.compile(r"\{\s*(\d{1,6}(?:\s*,\s*\d{1,6})*)\s*\}")
_MOST_CLASSES = 200
"""A bound: the weights take K³ operations some hundred times."""


_MOST_CROSS_ENTROPY = 10
"""A bound: seconds, for every step of the weights solves for the logits; 15 classes of no symmetry took minutes."""


def parse_hypergraph(text: str) -> Subsets:
    """Read subsets such as "{0},{1},{0,1}"; vertices are renumbered in increasing order.

    Raises:
        InputError: it is malformed, a subset is given twice, or there are fewer than two of them or too many.
    """
    found = [match[1] for match in _SUBSET.finditer(text)]
    rest = _SUBSET.sub("", text).replace(",", "").strip()
    if rest or not found:
        raise InputError(f"hypergraph '{text}': write each class as a set of vertices, such as {{0}},{{1}},{{0,1}}")
    subsets = [tuple(sorted({int(vertex) for vertex in each.split(",")})) for each in found]
    if not 2 <= len(subsets) <= _MOST_CLASSES:
        raise InputError(f"hypergraph '{text}' has {len(subsets)} sets, a class each: K from 2 to {_MOST_CLASSES}")
    for place, each in enumerate(subsets):
        if each in subsets[:place]:
            raise InputError(f"hypergraph '{text}': {subsets_text([each])} is given twice, and every class is one set")
    return renumbered(subsets)


def subsets_text(subsets: Sequence[Sequence[int]]) -> str:
    """As `parse_hypergraph` reads it."""
    return ",".join("{" + ",".join(map(str, each)) + "}" for each in subsets)


def components(subsets: Subsets) -> list[Subsets]:
    """Parts of a hypergraph that share no vertex, in the order of their first classes."""
    groups: list[set[int]] = []
    for each in subsets:
        touching = [group for group in groups if group & set(each)]
        groups = [group for group in groups if group not in touching] + [set(each).union(*touching)]
    first = {vertex: place for place, group in enumerate(groups) for vertex in group}
    parts: dict[int, list[tuple[int, ...]]] = {}
    for each in subsets:
        parts.setdefault(first[each[0]], []).append(each)
    return [tuple(part) for part in parts.values()]


def hypergraph(problem: Problem, subsets: Subsets) -> Construction:
    """Hidden layers from the incidence matrix of a hypergraph, with the best weights of vertices, classes and rows.

    Parts that share no vertex are blocks, the classes of the first first.

    Args:
        problem: for which weights are the best.
        subsets: a class each.

    Raises:
        InputError: another number of classes; L = 2, where there is no hidden layer below the last; a linear network;
            under cross-entropy several parts, whose weights are one problem, or too many classes.
    """
    if len(subsets) != problem.K:
        raise InputError(f"--K {problem.K}: the hypergraph has {len(subsets)} sets, and every set is a class")
    if problem.linear:
        raise InputError("--kind hypergraph: its weights are found for ReLU: --activation relu")
    if problem.objective == ObjectiveName.CE and len(subsets) > _MOST_CROSS_ENTROPY:
        raise InputError(
            f"hypergraph of {len(subsets)} sets: under cross-entropy its weights are found for at most "
            f"{_MOST_CROSS_ENTROPY} classes"
        )
    if problem.L < 3:
        raise InputError(f"L = {problem.L}: a hypergraph shapes layers 2..L−1, so it needs L >= 3")
    parts = components(subsets)
    note = ""
    if len(parts) > 1:
        ordered = subsets_text([each for part in parts for each in part])
        note = f"parts that share no vertex are blocks; classes are in the order {ordered}"
    if len(parts) > 1 and problem.objective == ObjectiveName.CE:
        raise InputError("hypergraph of several parts: under cross-entropy its weights are found for connected ones")
    blocks = tuple(weighted_template(problem, renumbered(part)) for part in parts)
    return Construction("hypergraph", "", blocks, note, {"graph": subsets_text(subsets)})


def renumbered(part: Sequence[Sequence[int]]) -> Subsets:
    """The same on vertices 0..r−1, in their order."""
    number = {vertex: i for i, vertex in enumerate(sorted({vertex for each in part for vertex in each}))}
    return tuple(tuple(number[vertex] for vertex in each) for each in part)


def _forms(problem: Problem, graph: str) -> list[Construction]:
    return [hypergraph(problem, parse_hypergraph(graph))]


FAMILY = Family(
    "hypergraph", _forms, takes=("graph",), needs=("graph",), classes=lambda graph: len(parse_hypergraph(graph))
)
