"""Batches are what was asked for: all of one size, every sample once an epoch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nccli.e2e.batches import Batches
from tests.e2e.image_files import config_of, image_set

IMAGES = image_set(K=3, n=7)  # 21 samples


@given(st.integers(1, 30), st.integers(0, 40), st.integers(1, 12))
def test_batch_s_is_the_sth_part_of_the_orders_of_all_epochs_in_a_row(size: int, first: int, count: int) -> None:
    config = config_of(IMAGES, batch_size=size, seed=3)
    B = min(size, 21)
    whole = np.concatenate([Batches(config).of_steps(step, 1) for step in range(first + count)]).ravel()
    assert np.array_equal(Batches(config).of_steps(first, count), whole[first * B :].reshape(count, B))
    for epoch in range(len(whole) // 21):
        assert sorted(whole[21 * epoch : 21 * (epoch + 1)]) == list(range(21))


def test_another_seed_or_epoch_has_another_order_and_what_is_asked_before_changes_nothing() -> None:
    config = config_of(IMAGES, batch_size=21)
    batches = Batches(config)
    late = batches.of_steps(5, 1)
    assert not np.array_equal(late, batches.of_steps(0, 1))
    assert np.array_equal(late, batches.of_steps(5, 1))
    assert not np.array_equal(late, Batches(config_of(IMAGES, batch_size=21, seed=1)).of_steps(5, 1))


def test_epochs_are_whole_passes_over_the_training_set() -> None:
    assert [config_of(IMAGES, batch_size=8, steps=steps).epochs for steps in (2, 3, 5, 6, 21)] == [0, 1, 1, 2, 8]
    assert config_of(IMAGES, batch_size=100, steps=4).epochs == 4
