"""Blocks: what is packed comes out again, in the precision it was computed in; what is no block is refused."""

import json
import math
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.catalogue.stages import Stage
from nccli.metrics.digits import DOUBLE, SINGLE
from nccli.store.blocks.history import history_rows, pack_history, unpack_history
from nccli.store.blocks.matrices import pack_matrices, unpack_matrices
from nccli.store.blocks.packed import pack, unpack
from nccli.store.blocks.precision import precision
from nccli.store.schema.frozen import blocks_0013 as frozen
from tests.store.example_runs import example_history

RNG = np.random.default_rng(0)


def means(shape: tuple[int, int] = (6, 4), layers: int = 3) -> dict[Stage, np.ndarray]:
    """Class means of layers, those after activation mostly max(0, those before)."""
    found = {Stage(1, "post"): RNG.normal(size=shape)}
    for layer in range(2, layers + 1):
        before = RNG.normal(size=shape)
        found[Stage(layer, "pre")] = before
        found[Stage(layer, "post")] = before.clip(min=0.0) + (RNG.random(shape) < 0.1) * 1e-3
    return found


@pytest.mark.parametrize("kind", [SINGLE, DOUBLE])
def test_matrices_come_out_as_they_went_in(kind: str) -> None:
    before = means()
    (row,) = pack_matrices(before, kind)
    after = unpack_matrices(row["block"])
    assert row["layer"] == 1
    assert list(after) == list(before)
    for stage, M in before.items():
        assert after[stage].dtype.str == kind
        np.testing.assert_array_equal(after[stage], M.astype(kind))


def test_class_means_after_relu_cost_little_beside_those_before() -> None:
    before = RNG.normal(size=(30, 10))
    alone = {Stage(2, "pre"): before}
    both = {**alone, Stage(2, "post"): before.clip(min=0.0)}
    ((one,), (two,)) = (pack_matrices(each, SINGLE) for each in (alone, both))
    assert len(two["block"]) < len(one["block"]) + 40


def test_large_layers_have_blocks_of_their_own() -> None:
    before = means((300, 100), layers=6)
    rows = pack_matrices(before, SINGLE)
    assert len(rows) > 1
    after = {stage: M for row in rows for stage, M in unpack_matrices(row["block"]).items()}
    assert list(after) == list(before)
    assert [row["layer"] for row in rows] == [min(s.layer for s in unpack_matrices(row["block"])) for row in rows]


def test_what_single_precision_would_lose_is_kept_in_double() -> None:
    tiny, small = np.full((2, 2), 1e-60), np.array([[1.0, 1e-60], [0.0, 2.0]])
    (row,) = pack_matrices({Stage(1, "post"): tiny, Stage(2, "pre"): small}, SINGLE)
    after = unpack_matrices(row["block"])
    np.testing.assert_array_equal(after[Stage(1, "post")], tiny)
    np.testing.assert_array_equal(after[Stage(2, "pre")], small.astype("<f4"))
    rows = [{**row, "dnc1": [1e-60] * 5} for row in example_history(2)]
    assert [row["dnc1"] for row in history_rows(pack_history(rows, SINGLE))] == [[1e-60] * 5] * 2


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        ({"dtype": "float32", "residual": None}, SINGLE),
        ({"dtype": "float64", "residual": None}, DOUBLE),
        ({"dtype": "float32", "residual": 1e-15}, DOUBLE),
    ],
)
def test_the_precision_is_that_of_the_computation(run: dict[str, object], kind: str) -> None:
    assert precision(run) == kind


def test_a_history_comes_out_as_it_went_in() -> None:
    rows = [{**row, "train_accuracy": None} for row in example_history(40)]
    rows[3] |= {"loss": math.inf, "grad_norm": math.inf, "dnc1": [math.inf, -1.0, 0.0, 1e300, 1.0]}
    rows[5]["train_accuracy"] = 0.5
    assert history_rows(pack_history(rows, DOUBLE)) == rows


@pytest.mark.parametrize("kind", [SINGLE, DOUBLE])
def test_trajectories_come_out_as_they_went_in(kind: str) -> None:
    values = RNG.random((12, 5, 4)).astype("<f4").astype(float)
    more = [{"singular_values": found.tolist(), "negative_share": found[0, :2].tolist()} for found in values]
    rows = [{**row, **each} for row, each in zip(example_history(12), more, strict=True)]
    after = history_rows(pack_history(rows, kind))
    assert [{name: row[name] for name in more[0]} for row in after] == more
    assert len(pack_history(rows, kind)) > 2 * len(pack_history(example_history(12), kind))


def test_losses_are_kept_in_double_precision_and_not_twice() -> None:
    rows = example_history(40)
    for kind, digits in ((SINGLE, 7.3e-12), (DOUBLE, 0.0)):
        kept = unpack_history(pack_history(rows, kind))
        for name in ("loss", "fit", "reg"):
            assert kept[name] == pytest.approx(np.array([row[name] for row in rows]), rel=digits, abs=0.0)
    odd = [{**rows[0], "loss": loss} for loss in (math.nan, math.inf, 0.0)]
    np.testing.assert_array_equal(unpack_history(pack_history(odd, SINGLE))["loss"], [math.nan, math.inf, 0.0])
    for row in rows:
        row["loss"] = row["fit"] + row["reg"]
    names = [name for name, *_ in json.loads(zlib.decompress(pack_history(rows, SINGLE)).partition(b"\n")[0])]
    assert names == ["step", "fit", "reg", "grad_norm", "dnc1", "rank"]


def of(header: object, plain: bytes = b"") -> bytes:
    """A block that somebody made."""
    return zlib.compress(json.dumps(header).encode() + b"\n" + plain)


NO_BLOCKS = {
    "nothing": b"",
    "no zlib stream": b"SQLite format 3\0",
    "half of one": of([["a", "<f8", 4]], bytes(32))[:-6],
    "more than one": of([["a", "<f8", 4]], bytes(32)) + b"x",
    "no header": zlib.compress(b"abc"),
    "a header that is no list": of({"a": 1}),
    "a header nested deeply": zlib.compress(b"[" * 10**5 + b"\n"),
    "a pickle": of([["a", "|O", 1]], bytes(8)),
    "a negative size": of([["a", "<f8", -1]]),
    "a size that is no number": of([["a", "<f8", "4"]], bytes(32)),
    "fewer bytes than it says": of([["a", "<f8", 4]], bytes(31)),
    "more bytes than it says": of([["a", "<f8", 4]], bytes(33)),
    "an array twice": of([["a", "<i4", 1], ["a", "<i4", 1]], bytes(8)),
    "sizes beyond all memory": of([["a", "<f8", 2**31 - 1, 2**31 - 1, 2**31 - 1]]),
}


@pytest.mark.parametrize("what", NO_BLOCKS)
def test_what_is_no_block_is_refused_in_words(what: str) -> None:
    with pytest.raises(ValueError, match=r"^(has|cannot|would) "):
        unpack(NO_BLOCKS[what], 2**20)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """A block of 4 MiB of zeros in 4 KiB, that says so, and one that says that it is small."""
    zeros = bytes(2**22)
    for bomb in (of([["a", "<f8", 2**19]], zeros), of([["a", "<f8", 8]], zeros)):
        assert len(bomb) < 2**13
        with pytest.raises(ValueError, match=r"would take 4194304 bytes|has other sizes"):
            unpack(bomb, 2**20)


@given(st.binary(max_size=300), st.integers(0, 2000))
def test_altered_blocks_are_refused_or_are_arrays(noise: bytes, at: int) -> None:
    sound = pack_history(example_history(30), SINGLE)
    altered = sound[: at % len(sound)] + noise + sound[at % len(sound) + len(noise) :]
    try:
        arrays = unpack_history(altered)
    except ValueError:
        return
    assert {"step", "fit", "reg"} <= set(arrays)


def test_the_migration_packs_as_the_store_does() -> None:
    rows = [{**row, "train_accuracy": None} for row in example_history(20)]
    as_before = [{**row, **{name: json.dumps(row[name]) for name in ("dnc1", "rank")}} for row in rows]
    assert frozen.history_block(as_before, SINGLE) == pack_history(rows, SINGLE)
    for before in (means(), means((300, 100), layers=6)):
        own = [(row["layer"], row["block"]) for row in pack_matrices(before, SINGLE)]
        assert frozen.class_means_blocks(before, SINGLE) == own  # type: ignore[arg-type]  # stages are such pairs
        for _, block in own:
            assert {**frozen.class_means_of(block)}.keys() == unpack_matrices(block).keys()


def test_the_guide_says_how_to_read_a_block() -> None:
    """Its code, run on a block."""
    text = (Path(__file__).parents[2] / "examples" / "guide" / "store.md").read_text()
    code = text.split("<!-- test: block -->\n```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(code, names)  # the code of our own page
    arrays = {"a": RNG.normal(size=(3, 4)), "b": np.arange(5, dtype="<i4")}
    found = names["arrays"](pack(arrays))  # type: ignore[operator]  # it defines a function
    assert {name: array.tolist() for name, array in found.items()} == {k: v.tolist() for k, v in arrays.items()}
