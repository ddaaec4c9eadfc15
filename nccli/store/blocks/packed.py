"""Arrays by name as one block of bytes, and back, for readers in any language.

A block is a zlib stream. Its plain text begins with a line of JSON, a list of [name, type, sizes…], and goes on with
the arrays one after the other in row-major order. Of each array the first bytes of all numbers stand together, then the
second ones, and so on: those that are alike are then neighbours, which compresses better. Types are NumPy's names:
<f4, <f8 (IEEE 754, little-endian), <i4, |u1.
"""

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

TYPES = ("<f4", "<f8", "<i4", "|u1")
_MOST_HEADER = 2**20
"""Bytes of the first line: that of 10,000 layers is some 400 KiB."""


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A block of arrays, whose types are among `TYPES`."""
    header = [[name, array.dtype.str, *array.shape] for name, array in arrays.items()]
    line = json.dumps(header, separators=(",", ":")).encode() + b"\n"
    return zlib.compress(line + b"".join(_planes(array) for array in arrays.values()), 9)


def unpack(block: bytes, most: int) -> dict[str, np.ndarray]:
    """The arrays of a block.

    Args:
        block: from `pack`, or from anywhere.
        most: bytes that the arrays may take: a block that says more is refused before it is unpacked.

    Raises:
        ValueError: what is wrong with it, in words.
    """
    inflater = zlib.decompressobj()
    try:
        begin = inflater.decompress(block, _MOST_HEADER)
        line, mark, rest = begin.partition(b"\n")
        if not mark:
            raise ValueError("has no header")
        arrays = _declared(line)
        size = sum(kind.itemsize * math.prod(shape) for _, kind, shape in arrays)
        if size > most:
            raise ValueError(f"would take {size} bytes unpacked, more than {most}")
        missing = size - len(rest) + 1  # one more than there may be
        plain = rest + (inflater.decompress(inflater.unconsumed_tail, missing) if missing > 0 else b"")
    except zlib.error as error:
        raise ValueError("cannot be unpacked") from error
    if len(plain) != size or not inflater.eof or inflater.unused_data:
        raise ValueError("has other sizes than its header says")
    found, start = {}, 0
    for name, kind, shape in arrays:
        end = start + kind.itemsize * math.prod(shape)
        planes = np.frombuffer(plain[start:end], np.uint8).reshape(kind.itemsize, -1)
        found[name] = np.ascontiguousarray(planes.T).view(kind).reshape(shape)
        start = end
    return found


def _planes(array: np.ndarray) -> bytes:
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint8).reshape(flat.size, array.dtype.itemsize).T.tobytes()


def _declared(line: bytes) -> list[tuple[str, np.dtype[Any], tuple[int, ...]]]:
    """Names, types and sizes, by the header."""
    try:
        header = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("has a header that is no JSON") from error
    found = []
    for entry in header if isinstance(header, list) else [None]:
        if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[0], str) or entry[1] not in TYPES:
            raise ValueError("has a header that names no arrays")
        if not all(type(size) is int and 0 <= size < 2**31 for size in entry[2:]):
            raise ValueError("has a header with impossible sizes")
        found.append((entry[0], np.dtype(entry[1]), tuple(entry[2:])))
    if len({name for name, _, _ in found}) < len(found):
        raise ValueError("has an array twice")
    return found
