"""Below a heat map stands a name of its own that is no wider than the panel."""

from itertools import combinations

from nccli.figures.structure_names import below, short_name
from nccli.figures.text import width_of

NAMES = ["dnc", "etf", "constant", "pairs", "polygon", "frame plus mean", "tight frame", "srg t(5)", "srg t(4)"]
NAMES += ["srg t(5) minus 2", "square", "petersen", "graph(6 vertices, 9 edges)", "graph(9 vertices, 6 edges)"]
NAMES += ["chang graph 1", "bipartite-3-3", "star-6", "path-4", "triangle", "zero", "none", "cube"]
SUMS = [
    f"{a} ⊕ {b}" for a, b in combinations(["srg t(4)", "srg t(5) minus 2", "dnc(3)", "graph(6 vertices, 9 edges)"], 2)
]


def test_no_two_structures_have_one_name() -> None:
    every = [*NAMES, *SUMS, *(f"weighted {name}" for name in NAMES)]
    assert len({short_name(name) for name in every}) == len(set(every))


def test_names_are_no_wider_than_their_panel() -> None:
    for name in [*NAMES, *SUMS]:
        text, size = below(name, 0.45)
        assert max(width_of(line, size) for line in text.split("\n")) <= 0.45 + 1e-9
