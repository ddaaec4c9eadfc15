"""Two groups of runs with the same seeds: differences over pairs, with an interval."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from nccli.errors import InputError, NothingFoundError
from nccli.store import Selection, Store, paired_records, parse_where, require_pairing, save_run
from tests.store.example_runs import example_layers, example_run

LOSSES = {0.004: [0.1, 0.13, 0.11, 0.2], 0.008: [0.15, 0.14, 0.19, 0.22]}


def save(store: Store, wd: float, losses: list[float], **changes: Any) -> None:
    for seed, loss in enumerate(losses):
        save_run(store, example_run(seed, loss=loss, config={"wd_layers": (wd,) * 3}, **changes))


def paired(store: Store, *keys: str, where: str | None = None, column: str = "seed", whole: bool = False) -> Any:
    selection = Selection(where=parse_where(where) if where else ())
    with store.read() as connection:
        found = paired_records(connection, selection, keys, column, whole=whole)
    return {record["quantity"]: record for record in found}


def test_the_interval_is_that_of_the_paired_t_test(store: Store) -> None:
    for wd, losses in LOSSES.items():
        save(store, wd, losses)
    loss = paired(store, "wd")["loss"]
    differences = np.array(LOSSES[0.008]) - np.array(LOSSES[0.004])
    expected = stats.ttest_rel(LOSSES[0.008], LOSSES[0.004]).confidence_interval(0.95)
    assert (loss["first"], loss["second"], loss["pairs"], loss["left_out"]) == ({"wd": 0.004}, {"wd": 0.008}, 4, 0)
    assert loss["difference"] == pytest.approx(differences.mean(), rel=1e-12)
    assert loss["sd"] == pytest.approx(differences.std(ddof=1), rel=1e-12)
    assert (loss["low"], loss["high"]) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert loss["second_mean"] - loss["first_mean"] == pytest.approx(loss["difference"], rel=1e-12)


def test_seeds_that_one_group_lacks_make_no_pair_and_one_pair_has_no_interval(store: Store) -> None:
    save(store, 0.004, [0.1])
    save(store, 0.008, [0.3, 0.5])
    loss = paired(store, "wd")["loss"]
    assert (loss["pairs"], loss["low"], loss["high"], loss["sd"]) == (1, None, None, None)
    assert loss["difference"] == pytest.approx(0.2)


def test_pairs_with_a_run_that_lost_classes_are_left_out_and_counted(store: Store) -> None:
    save(store, 0.004, [0.1, 0.2, 0.3])
    save(store, 0.008, [0.2, 0.4])
    lost = example_run(2, loss=0.9, config={"wd_layers": (0.008,) * 3}, layers=example_layers(2, rank=1))
    save_run(store, lost)
    loss = paired(store, "wd")["loss"]
    assert (loss["pairs"], loss["left_out"]) == (2, 1)
    assert loss["difference"] == pytest.approx(0.15)
    whole = paired(store, "wd", whole=True)["loss"]
    assert (whole["pairs"], whole["left_out"]) == (3, 0)


def test_what_cannot_be_paired_is_refused_with_the_way_out(store: Store) -> None:
    for wd in (0.004, 0.008, 0.016):
        save(store, wd, [0.1, 0.2])
    save_run(store, example_run(0, config={"wd_layers": (0.004,) * 3, "n": 3}))
    with pytest.raises(InputError, match=r"these runs make 3 \(wd = 0.004, .*\): use --where"):
        paired(store, "wd", where="n=2")
    with pytest.raises(InputError, match=r"wd = 0.004 has several runs with seed = 0: name in --group-by"):
        paired(store, "wd", where="wd<0.01")
    with pytest.raises(NothingFoundError, match="no seed that runs of both groups have"):
        paired(store, "wd", where="n=2 and (wd=0.004 and seed=0 or wd=0.008 and seed=1)")


@pytest.mark.parametrize(
    ("column", "keys", "said"),
    [("sed", ("wd",), "no column 'sed'"), ("seed", (), "such as --group-by wd"), ("wd", ("wd",), "pair by another")],
)
def test_a_column_that_cannot_pair_is_refused(column: str, keys: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        require_pairing(column, keys)
