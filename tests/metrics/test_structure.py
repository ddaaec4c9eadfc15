"""Constructions are recognised in their Gram matrices, under noise, rotation, scale and permutation of the classes."""

import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float

from nccli.metrics import STRUCTURE_RTOL, recognise_structure
from nccli.metrics.chang_graphs import chang_graphs
from nccli.theory import Problem, dnc, graph, parse_graph, solve, srg

Matrix = Float[np.ndarray, "_ _"]


def disguised(means: Matrix, noise: float, seed: int = 0) -> tuple[Matrix, np.ndarray]:
    """The Gram matrix after noise, a rotation, a scale and a permutation of the classes; and the permutation."""
    rng = np.random.default_rng(seed)
    padded = np.vstack([means, np.zeros((3, means.shape[1]))])
    padded = padded + noise * np.linalg.norm(means) / np.sqrt(padded.size) * rng.normal(size=padded.shape)
    rotation = np.linalg.qr(rng.normal(size=(padded.shape[0],) * 2))[0]
    order = rng.permutation(means.shape[1])
    turned = 7.3 * (rotation @ padded)[:, order]
    return turned.T @ turned, order


def stages(K: int, variant: str = "blocks") -> list[Matrix]:
    """M_1, M_3, Mt_4 and M_4 of the SRG solution for L = 4."""
    solution = solve(Problem.uniform(K, 4, 1e-4), srg(K, variant))
    weights, hidden = solution.matrices(60)
    found = [hidden]
    for W in weights[:-1]:
        pre = W @ found[-1]
        found.append(np.maximum(pre, 0.0))
    return [found[0], found[2], pre, found[3]]


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("r", [4, 5, 6, 8, 10])
def test_srg_is_recognised_in_every_layer(r: int, noise: float) -> None:
    for stage, means in enumerate(stages(r * (r - 1) // 2)):
        found = recognise_structure(disguised(means, noise)[0])
        identity_like = r == 4 and stage == 3  # two disjoint edges of K_4 are a matching: M_L is orthogonal
        assert found.name == ("DNC" if identity_like else f"SRG T({r})")
        assert found.distance <= max(noise, 1e-7)


@given(st.integers(0, 10**6), st.sampled_from([6, 10, 15]))
def test_the_permutation_maps_the_template_onto_the_classes(seed: int, K: int) -> None:
    template = stages(K)[1].T @ stages(K)[1]
    gram, _ = disguised(stages(K)[1], 0.02, seed)
    found = recognise_structure(gram)
    assert sorted(found.permutation) == list(range(K))
    placed = gram[np.ix_(found.permutation, found.permutation)]
    assert placed / np.linalg.norm(placed) == pytest.approx(template / np.linalg.norm(template), abs=0.03)


@pytest.mark.parametrize(
    ("K", "variant", "name"),
    [
        (8, "blocks", "SRG T(4) ⊕ DNC(2)"),
        (12, "blocks", "SRG T(5) ⊕ DNC(2)"),
        (9, "truncated", "SRG T(5) minus 1"),
        (12, "truncated", "SRG T(6) minus 3"),
    ],
)
def test_the_constructions_of_definition_11_are_recognised(K: int, variant: str, name: str) -> None:
    for means in stages(K, variant)[:2]:
        assert recognise_structure(disguised(means, 0.02)[0]).name == name


NAMED = ("square", "pentagon", "hexagon", "cycle-8", "path-5", "star-4", "triangle", "wheel-6", "bipartite-3-3")


@pytest.mark.parametrize("name", [*NAMED, "cube", "octahedron", "petersen"])
def test_named_graphs_are_recognised_from_their_incidence_matrix(name: str) -> None:
    edges = parse_graph(name)
    B = np.array([[float(v in edge) for edge in edges] for v in range(1 + max(map(max, edges)))])
    found = recognise_structure(disguised(B, 0.02)[0])
    assert found.name == name
    assert found.distance < 0.05


def test_the_solution_of_a_graph_without_a_name_is_told_by_its_size() -> None:
    solution = solve(Problem.uniform(6, 4, 1e-4), graph(parse_graph("bowtie"), "identity"))
    weights, hidden = solution.matrices(20)
    means = np.maximum(weights[0] @ hidden, 0.0)
    assert recognise_structure(disguised(means, 0.02)[0]).name == "graph(5 vertices, 6 edges)"


@pytest.mark.parametrize("K", [2, 3, 10, 45])
def test_orthogonal_and_simplex_frames_are_told_apart(K: int) -> None:
    template = dnc(K).blocks[0].matrices()[0]
    assert recognise_structure(disguised(template, 0.02)[0]).name == "DNC"
    if K > 2:
        assert recognise_structure(disguised(template - 1 / K, 0.02)[0]).name == "ETF"


def test_the_chang_graphs_have_the_spectrum_of_t8_and_are_not_taken_for_it() -> None:
    edges = list(combinations(range(8), 2))
    triangular = np.array([[len({*e, *f}) == 3 for f in edges] for e in edges], dtype=float)
    spectrum = np.linalg.eigvalsh(triangular)
    for number, adjacency in enumerate(chang_graphs(), 1):
        assert np.linalg.eigvalsh(adjacency.astype(float)) == pytest.approx(spectrum, abs=1e-9)
        values, vectors = np.linalg.eigh(2 * np.eye(28) + adjacency)
        means = np.sqrt(values.clip(min=0))[:, None] * vectors.T
        found = recognise_structure(disguised(means, 0.1)[0])
        assert found.name == f"Chang graph {number}"
        placed = disguised(means, 0.0)[0][np.ix_(found.permutation, found.permutation)]
        assert found.distance < 0.15
        assert placed.shape == (28, 28)


@pytest.mark.parametrize("K", [4, 10, 28, 45])
def test_random_means_are_nothing(K: int) -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        means = rng.normal(size=(max(2, K // 2), K))
        found = recognise_structure(means.T @ means)
        assert found.name == "none"
        assert STRUCTURE_RTOL < found.distance <= 1
        assert sorted(found.permutation) == list(range(K))


def test_orthogonal_means_of_unequal_norm_are_not_dnc() -> None:
    assert recognise_structure(np.diag([1.0, 1, 1, 1, 25])).name == "none"


def test_noise_on_dnc_is_not_taken_for_a_graph() -> None:
    for seed in range(20):
        assert recognise_structure(disguised(np.eye(8), 0.1, seed)[0]).name == "DNC"


def test_zero_means_are_called_zero_and_a_dead_class_is_no_structure() -> None:
    assert recognise_structure(np.zeros((5, 5))).name == "zero"
    assert recognise_structure(np.diag([1.0, 1, 1, 0])).name == "none"


def test_a_gram_matrix_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="nan or infinite"):
        recognise_structure(np.full((3, 3), np.nan))


def test_a_class_that_is_lost_leaves_no_structure_and_no_warning() -> None:
    means = np.diag([1.0, 1.0, 1e-200, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = recognise_structure(means.T @ means)
    assert found.name == "none"


@pytest.mark.parametrize("scale", [2.0**-10, 2.0**600, 2.0**1023])
def test_no_scale_changes_what_is_recognised_or_warns(scale: float) -> None:
    gram = disguised(np.eye(5), 0.1)[0]
    gram /= np.abs(gram).max()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, plain = recognise_structure(scale * gram), recognise_structure(gram)
    assert (found.name, found.distance) == (plain.name, plain.distance)
