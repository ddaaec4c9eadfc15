"""Image sets that are made unbalanced: which samples are taken, and what the run is an instance of."""

from dataclasses import replace

import numpy as np
import pytest

from nccli.e2e.config import E2eConfig
from nccli.e2e.load import ImageSource
from nccli.e2e.train import train_network
from nccli.errors import InputError
from nccli.theory import solve_dnc
from tests.e2e.image_files import config_of, image_set, write_npz

IMAGES = image_set(K=4, n=12)
COUNTS = (12, 6, 6, 2)


def config(**changes: object) -> E2eConfig:
    images = IMAGES.unequal_subset(COUNTS)
    return config_of(images, balanced=False, n=12, class_counts=images.class_counts, **changes)


def test_the_first_samples_of_each_class_are_taken_in_their_order() -> None:
    images = IMAGES.unequal_subset(COUNTS)
    assert images.counts.tolist() == list(COUNTS)
    for k, count in enumerate(COUNTS):
        own, there = images.train.labels == k, IMAGES.train.labels == k
        assert np.array_equal(images.train.images[own], IMAGES.train.images[there][:count])
    assert images.fingerprint == IMAGES.unequal_subset(COUNTS).fingerprint != IMAGES.fingerprint
    assert images.test is IMAGES.test


def test_equal_counts_are_a_balanced_subset() -> None:
    images = IMAGES.unequal_subset((5, 5, 5, 5))
    assert images.class_counts is None
    assert images.fingerprint == IMAGES.balanced_subset(5).fingerprint


def test_step_imbalance_has_as_many_of_the_large_classes_as_all_have_or_as_is_said() -> None:
    assert IMAGES.imbalanced_subset(6).counts.tolist() == [12, 12, 2, 2]
    assert IMAGES.imbalanced_subset(6, 6).counts.tolist() == [6, 6, 1, 1]


@pytest.mark.parametrize(
    ("counts", "why"),
    [((1, 2, 3), "3 counts for K = 4"), ((13, 1, 1, 1), "13 samples of class 0"), ((0, 1, 1, 1), "0 is")],
)
def test_counts_that_the_set_has_not_are_refused(counts: tuple[int, ...], why: str) -> None:
    with pytest.raises(InputError, match=why):
        IMAGES.unequal_subset(counts)


def test_another_process_loads_the_same(tmp_path: object) -> None:
    source = ImageSource(str(write_npz(tmp_path / "own.npz")), str(tmp_path), False, class_counts=COUNTS)  # type: ignore[operator]
    assert ImageSource(**source.as_dict()).load().fingerprint == source.load().fingerprint
    steps = replace(source, class_counts=None, imbalance=3.0, per_class=6)
    assert ImageSource(**steps.as_dict()).load().counts.tolist() == [6, 6, 2, 2]


def test_the_configuration_says_the_counts_and_the_problem_has_them() -> None:
    run = config()
    assert run.as_dict()["class_counts"] == "12,6,6,2"
    assert E2eConfig.from_dict(run.as_dict()) == run
    assert run.problem is not None
    assert run.problem.counts == COUNTS
    assert replace(run, reg="standard", wd_h1=0.0).problem is None
    assert "class_counts" not in config_of(IMAGES).as_dict()


def test_the_best_constant_is_the_share_of_each_class() -> None:
    shares = np.array(COUNTS) / sum(COUNTS)
    constant = np.tile(shares, (sum(COUNTS), 1))
    targets = np.repeat(np.eye(4), COUNTS, axis=0)
    assert config().constant_fit == pytest.approx(((constant - targets) ** 2).sum() / (2 * sum(COUNTS)))
    assert config_of(IMAGES).constant_fit == pytest.approx(0.5 * (1 - 1 / 4))


def test_a_network_is_measured_on_the_classes_own_samples_and_held_against_their_dnc() -> None:
    run = config(steps=30)
    result = train_network(run, IMAGES.unequal_subset(COUNTS))
    assert run.problem is not None
    assert solve_dnc(run.problem).loss < run.problem.trivial_loss
    last = result.layers[-1]
    assert last.minority_collapse in (0, 1)
    assert last.unequal
