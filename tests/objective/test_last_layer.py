"""The best last layer under cross-entropy: symmetry leaves few numbers, and they are those of the whole problem."""

from math import comb

import numpy as np
import pytest
from scipy.linalg import block_diag

from nccli.objective import CrossEntropy
from nccli.objective.last_layer import best_last_layer, fit_at
from nccli.objective.logit_space import LogitSpace
from nccli.objective.stable_colouring import stable_colouring
from nccli.theory import dnc, graph, parse_graph, srg
from nccli.theory.bipartition import bipartition
from nccli.theory.pairs import pairs_template
from nccli.theory.template import Template
from tests.oracle.last_layer_cross_entropy import dense_last_layer

TEMPLATES = [
    *(dnc(5).blocks[0], srg(10, "blocks").blocks[0], srg(8, "truncated").blocks[0], bipartition(10, 2).blocks[0]),
    *(graph(parse_graph(name), "positive").blocks[0] for name in ("complete-5", "path-4", "bowtie", "wheel-6")),
    *(graph(parse_graph("square"), "identity").blocks[0], pairs_template(6)),
]
RANDOM = [np.maximum(np.random.default_rng(seed).normal(size=(4 + seed, 6)), 0) for seed in range(3)]


def least(space: LogitSpace, weight_decay: float) -> float:
    layer = best_last_layer(space, np.full(space.S.shape[1], weight_decay))
    return float(space.shares @ layer.fit.by_kind + weight_decay / 2 * layer.y @ layer.y)


def activated(template: Template) -> np.ndarray:
    Tt_L = template.matrices()[1]
    return Tt_L if template.linear else np.maximum(Tt_L, 0.0)


@pytest.mark.parametrize("weight_decay", [1e-1, 1e-4])
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_symmetric_logits_are_as_good_as_any(template: Template, weight_decay: float) -> None:
    dense, _ = dense_last_layer(activated(template), weight_decay)
    assert least(template.logit_space(), weight_decay) == pytest.approx(dense, rel=1e-10)
    assert least(LogitSpace.of_gram(template.gram()), weight_decay) == pytest.approx(dense, rel=1e-10)


@pytest.mark.parametrize("M", RANDOM, ids=lambda M: f"{M.shape[0]} rows")
def test_class_means_without_any_symmetry_keep_all_their_logits(M: np.ndarray) -> None:
    space = LogitSpace.of_gram(M.T @ M)
    dense, Z = dense_last_layer(M, 1e-2)
    assert least(space, 1e-2) == pytest.approx(dense, rel=1e-10)
    W = CrossEntropy().last_weights(M, 1e-2)
    np.testing.assert_allclose(W @ M, Z, atol=1e-5)
    P = np.exp(W @ M) / np.exp(W @ M).sum(axis=0)
    np.testing.assert_allclose(W, (np.eye(6) - P) @ M.T / (6 * 1e-2), rtol=0, atol=1e-11 * np.abs(W).max())


def test_blocks_side_by_side_have_the_logits_of_their_block_diagonal_means() -> None:
    blocks = [activated(block) for block in srg(8, "blocks").blocks]
    M = block_diag(*(scale * block for scale, block in zip((1.3, 0.6), blocks, strict=True)))
    space = LogitSpace.of_blocks([block.T @ block for block in blocks], (0, 1))
    tau = 1e-3 / np.array([1.3**2, 0.6**2])[space.block]
    layer = best_last_layer(space, tau)
    value = space.shares @ layer.fit.by_kind + tau @ layer.y**2 / 2
    assert value == pytest.approx(dense_last_layer(M, 1e-3)[0], rel=1e-10)


@pytest.mark.parametrize("r", [4, 5, 7])
def test_pairs_of_edges_have_three_colours_and_classes_without_symmetry_one_each(r: int) -> None:
    """T(r) is strongly regular; the eigenvalues 3 of a path are not enough to tell its pairs of edges apart."""
    colours = stable_colouring(srg(comb(r, 2), "blocks").blocks[0].matrices()[0].T @ np.eye(r) @ incidence(r))
    assert len(np.unique(colours)) == 3
    assert len(np.unique(stable_colouring(RANDOM[0].T @ RANDOM[0]))) == 36


def incidence(r: int) -> np.ndarray:
    return srg(comb(r, 2), "blocks").blocks[0].matrices()[0]


def test_margins_of_any_size_have_their_cross_entropy() -> None:
    space = LogitSpace.alike(10, 1.0)
    for a in (1e-8, 1.0, 40.0, 800.0, -30.0):
        D = np.array([-a / space.S[0, 0] * -1.0])
        assert fit_at(space, D).by_kind[0] == pytest.approx(np.logaddexp(0, np.log(9) + a), rel=1e-14)
