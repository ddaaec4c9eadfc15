"""How migration 0013 packed histories and class means into blocks, which no later change may touch."""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_OF_LAYERS = ("dnc1", "rank")
_MOST_BYTES = 2**28


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name: a line of JSON, then their bytes plane by plane, as a zlib stream."""
    header = [[name, array.dtype.str, *array.shape] for name, array in arrays.items()]
    planes = b"".join(
        np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(array.size, -1).T.tobytes()
        for array in arrays.values()
    )
    return zlib.compress(json.dumps(header, separators=(",", ":")).encode() + b"\n" + planes, 9)


def unpack(block: bytes) -> dict[str, np.ndarray]:
    """The inverse of `pack`, of blocks that a store has."""
    inflater = zlib.decompressobj()
    line, _, plain = inflater.decompress(block, _MOST_BYTES).partition(b"\n")
    found, start = {}, 0
    for name, kind, *shape in json.loads(line):
        size = np.dtype(kind).itemsize
        end = start + size * int(np.prod(shape, dtype=np.int64))
        found[name] = np.frombuffer(plain[start:end], np.uint8).reshape(size, -1).T.copy().view(kind).reshape(shape)
        start = end
    return found


def history_block(rows: Sequence[Mapping[str, Any]], kind: str) -> bytes:
    """Rows of table `history` as it was before, in the order of steps; lists as JSON."""
    numbers = {name: _numbers([row[name] for row in rows]) for name in ("loss", "fit", "reg", "grad_norm")}
    if np.array_equal(numbers["loss"], numbers["fit"] + numbers["reg"], equal_nan=True):
        del numbers["loss"]
    steps = np.diff([row["step"] for row in rows], prepend=0).astype("<i4")
    arrays = {"step": steps, **{name: _loss_in_precision(losses, kind) for name, losses in numbers.items()}}
    arrays["grad_norm"] = _in_precision(numbers["grad_norm"], kind)
    for name in _OF_LAYERS:
        values = np.array([[float(value) for value in json.loads(row[name])] for row in rows]).T
        arrays[name] = values.astype("<i4") if name == "rank" else _in_precision(values, kind)
    accuracy = [row["train_accuracy"] for row in rows]
    if accuracy.count(None) < len(accuracy):
        arrays["train_accuracy"] = _numbers(accuracy)
    return pack(arrays)


def class_means_blocks(matrices: Mapping[tuple[int, str], np.ndarray], kind: str) -> list[tuple[int, bytes]]:
    """The first layer and the block of parts of at most 1 MiB, of class means by layer and stage."""
    parts: list[tuple[int, dict[str, np.ndarray]]] = []
    full = 0
    for layer in sorted({layer for layer, _ in matrices}):
        own = {stage: matrices[layer, stage] for stage in ("pre", "post") if (layer, stage) in matrices}
        size = sum(8 * M.size for M in own.values())
        if not parts or full + size > 2**20:
            parts.append((layer, {}))
            full = 0
        full += size
        kept = {stage: np.ascontiguousarray(_matrix_in_precision(M, kind)) for stage, M in own.items()}
        before, after = kept.get("pre"), kept.get("post")
        if before is not None and after is not None and (before.shape, before.dtype) == (after.shape, after.dtype):
            bits = np.dtype(f"<u{after.dtype.itemsize}")
            passed = np.where(before > 0, before, np.zeros_like(before))
            kept["post"] = (after.view(bits) ^ passed.view(bits)).view(after.dtype)
        parts[-1][1].update({f"{layer} {stage}": M for stage, M in kept.items()})
    return [(layer, pack(arrays)) for layer, arrays in parts]


def class_means_of(block: bytes) -> dict[tuple[int, str], np.ndarray]:
    """The inverse, of one block."""
    found: dict[tuple[int, str], np.ndarray] = {}
    for name, array in unpack(block).items():
        layer, stage = int(name.split()[0]), name.split()[1]
        before = found.get((layer, "pre")) if stage == "post" else None
        if before is not None and (before.shape, before.dtype) == (array.shape, array.dtype):
            bits = np.dtype(f"<u{array.dtype.itemsize}")
            passed = np.where(before > 0, before, np.zeros_like(before))
            found[layer, stage] = (array.view(bits) ^ passed.view(bits)).view(array.dtype)
        else:
            found[layer, stage] = array
    return found


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype="<f8")


def _loss_in_precision(exact: np.ndarray, kind: str) -> np.ndarray:
    if kind == "<f8":
        return exact
    rounded = (exact.view("<u8") + np.uint64(1 << 15)) & ~np.uint64((1 << 16) - 1)
    return np.where(np.isfinite(exact), rounded.view("<f8"), exact)


def _in_precision(exact: np.ndarray, kind: str) -> np.ndarray:
    if kind == "<f8":
        return exact
    with np.errstate(over="ignore"):
        single = exact.astype("<f4")
    lost = (exact != 0) & (np.abs(single) < np.finfo(np.float32).tiny)
    return exact if lost.any() or (np.isinf(single) & np.isfinite(exact)).any() else single


def _matrix_in_precision(exact: np.ndarray, kind: str) -> np.ndarray:
    if kind == "<f8":
        return exact
    with np.errstate(over="ignore"):
        single = exact.astype("<f4")
    largest = np.abs(exact).max(initial=0.0)
    return exact if 0 < largest < 1e-30 or (np.isinf(single) & np.isfinite(exact)).any() else single
