"""Of many classes the structure is told from their means alone, and is what the Gram matrix has where that is small."""

import numpy as np
import pytest

from nccli.metrics import many_classes, recognise_structure, singular_values

K = 20
rng = np.random.default_rng(0)
MEANS = {
    "dnc": np.eye(K) + 0.01 * rng.normal(size=(K, K)),
    "etf": np.eye(K) - 1 / K + 0.01 * rng.normal(size=(K, K)),
    "constant": np.ones((K, 50)) + 0.05 * rng.normal(size=(K, 50)),
    "frame plus mean": 2 * np.eye(K) + 0.5,
    "none": rng.normal(size=(K, 7)),
    "zero": np.zeros((K, 3)),
}


@pytest.mark.parametrize("name", MEANS)
def test_frames_are_recognised_without_a_gram_matrix(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = recognise_structure(MEANS[name] @ MEANS[name].T)
    monkeypatch.setattr(many_classes, "MOST_CLASSES", 2)
    found = many_classes.structure_of_means(MEANS[name], singular_values(MEANS[name]))
    assert found.name == whole.name == name
    assert found.distance == pytest.approx(whole.distance, abs=1e-7)
