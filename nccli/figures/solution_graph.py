"""The graph of a solution: vertices are directions of the hidden layers, classes the sets of them that they join."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from sqlalchemy import Connection

from nccli.catalogue.runs import Kind
from nccli.catalogue.stages import Stage, deciding_layers
from nccli.figures.figure import Row
from nccli.metrics.related_classes import RootGraph, related_classes, root_graphs
from nccli.metrics.structure import CONSTANT, DNC, ETF, FRAME_PLUS_MEAN, NONE, PAIRS, POLYGON, TIGHT_FRAME, ZERO
from nccli.metrics.weighted_structure import WEIGHTED
from nccli.store import select_layers, select_matrix
from nccli.theory.hypergraph import Subsets, parse_hypergraph

_NO_GRAPHS = {CONSTANT, DNC, ETF, FRAME_PLUS_MEAN, NONE, PAIRS, POLYGON, TIGHT_FRAME, ZERO, "mixed", None}
_CHANG = "chang graph"
"""Structures that are no incidence of classes and vertices."""


def may_have_graph(row: Row, structure: str | None) -> bool:
    """Whether a run, by its row of table `run` and the name of its structure, is a solution of a graph."""
    if _set_of_subsets(row["config"]) is not None and row["kind"] == Kind.HYPERGRAPH:
        return True
    name = (structure or NONE).removeprefix(WEIGHTED)
    return name not in _NO_GRAPHS and not name.startswith(_CHANG)


def graph_of(connection: Connection, row: Row, key: str) -> Subsets | None:
    """Of each class the vertices it joins, 0..r−1; None where the hidden layers have no graph.

    Args:
        connection: to the store.
        row: of table `run`.
        key: of the run, whose Gram matrices are read.
    """
    told = _set_of_subsets(row["config"]) if row["kind"] == Kind.HYPERGRAPH else None
    if told is not None:
        return told
    layers: Mapping[Stage, Any] = {
        Stage(layer["layer"], layer["stage"]): layer for layer in select_layers(connection, [key])[key]
    }
    hidden = [layers[stage] for stage in deciding_layers(row["L"]) if stage in layers]
    for layer in sorted(hidden, key=lambda layer: layer["structure_distance"]):
        if may_have_graph({**row, "kind": ""}, layer["structure"]):
            gram = select_matrix(connection, key, layer["layer"], layer["stage"], "gram")
            found = _graph_in(gram, layer["structure"].removeprefix(WEIGHTED))
            if found is not None:
                return found
    return None


def _set_of_subsets(config: Mapping[str, Any]) -> Subsets | None:
    text = config.get("graph") or ""
    return parse_hypergraph(text) if text.startswith("{") else None


def _graph_in(gram: Float[np.ndarray, "K K"], name: str) -> Subsets | None:
    """The graph that the relations of the classes have under this name."""
    norms = np.sqrt(np.diag(gram))
    if not norms.min() > 0:
        return None
    cosines = gram / np.outer(norms, norms)
    for relation in related_classes(cosines):
        roots = root_graphs(relation.related) if relation.related.any() else None
        if roots is not None and {root.name for root in roots} <= {*_names(name)}:
            return _subsets(roots, len(gram))
    return None


def _names(name: str) -> list[str]:
    """Of the graphs in a sum; classes by themselves are together as dnc(m)."""
    return [DNC if part.startswith(f"{DNC}(") else part for part in name.split(" ⊕ ")]


def _subsets(roots: tuple[RootGraph, ...], K: int) -> Subsets:
    """Vertices of the graphs numbered one after another; a class by itself has one of its own."""
    found: dict[int, tuple[int, ...]] = {}
    first = 0
    for root in roots:
        alone = len(root.edges) == 1
        for label, edge in zip(root.classes.tolist(), root.edges, strict=True):
            found[label] = (first,) if alone else tuple(sorted(first + vertex for vertex in edge))
        first += 1 if alone else 1 + max(max(edge) for edge in root.edges)
    return tuple(found[label] for label in range(K))
