"""One image file as pixels, none of them clipped or rounded."""

import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Real
from numpy.typing import NDArray

from nccli.errors import InputError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_BITS_PER_SAMPLE, _PHOTOMETRIC, _PLANAR = 258, 262, 284
"""Tags of TIFF 6.0."""

_WHITE_IS_ZERO = 0

_COLOURS_OF_16_BITS = re.compile(r"(?P<colours>RGB[AX]?);16(?P<order>[BLN])")
"""As Pillow names them: big-endian, little-endian, or as the machine has them."""

_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def unit_range(pixels: Real[np.ndarray, "..."], largest: int) -> Float32[np.ndarray, "..."]:
    """Integers over the largest of their type."""
    return pixels.astype(np.float32) / np.float32(largest)


def read_image(file: str) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Pixels (H, W), or (H, W, 3) of what is no plain grey; transparency is left out.

    uint8 of what has up to 8 bits a channel. float32 in [0, 1] of what has more: integers over the largest of their
    type, floats as they are.

    Raises:
        InputError: it cannot be read, or not without loss.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            return _pixels(image, file)
    except InputError:
        raise
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it may be truncated"
        raise InputError(f"{file}: cannot be read as an image, {why}") from error


def _pixels(image: "ImageFile", file: str) -> NDArray[Any]:
    stored, tags = _stored_as(image), getattr(image, "tag_v2", {})
    if image.mode == "F":
        return _floats(np.asarray(image, np.float32), file)
    if image.mode.startswith("I"):
        if image.mode == "I" and image.format != "PPM" and stored not in ("I;16", "I;16B", "I;16L", "I;16N"):
            raise InputError(
                f"{file}: holds 32-bit or signed integers, of which none is white for sure: save it in 16 bits, "
                "or as floats from 0 to 1"
            )
        pixels, largest = np.asarray(image), 4095 if stored == "I;12" else 65535
        return unit_range(largest - pixels if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else pixels, largest)
    if ";16" in stored or max(tags.get(_BITS_PER_SAMPLE, (8,))) > 8:
        return _deep_colour(file, stored if tags.get(_PLANAR, 1) == 1 else "")
    return np.asarray(image if image.mode == "L" else image.convert("RGB"))


def _stored_as(image: "ImageFile") -> str:
    """Pillow's name of how the file holds its pixels, as "RGB;16B"."""
    arguments = (image.tile and image.tile[0].args) or ""
    name, *more = (arguments,) if isinstance(arguments, str) else arguments
    deep = image.format == "PPM" and any(largest > 255 for largest in more)
    return f"{name};16" if deep else str(name)


def _floats(pixels: Float32[np.ndarray, "H W"], file: str) -> Float32[np.ndarray, "H W"]:
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"{file}: floats from {low:g} to {high:g}: they are read as they are, and must be from 0 to 1; "
            "x_train of an .npz file may be any"
        )
    return pixels


def _deep_colour(file: str, stored: str) -> Float32[np.ndarray, "H W 3"]:
    """Decoded twice: Pillow keeps one byte of two, and which one depends on the order that it is told."""
    if stored == "LA;16B":
        pairs = _decoded(file, "RGBA")
        high, low = (pairs[..., i : i + 1].repeat(3, axis=2) for i in (0, 1))
    elif found := _COLOURS_OF_16_BITS.fullmatch(stored):
        order = found["order"]
        high, low = (_decoded(file, f"{found['colours']};16{each}")[..., :3] for each in (order, _OTHER[order]))
    else:
        raise InputError(
            f"{file}: colours of more than 8 bits are read whole as RGB in PNG or TIFF: save it so, or in 8 bits"
        )
    return unit_range(256 * high.astype(np.uint16) + low, 65535)


def _decoded(file: str, stored: str) -> NDArray[np.uint8]:
    """Pixels of a file as if they were stored otherwise than it says."""
    from PIL import Image

    with Image.open(file) as image:
        image.tile = [
            tile._replace(args=stored if isinstance(tile.args, str) else (stored, *(tile.args or ())[1:]))
            for tile in image.tile
        ]
        return np.asarray(image)
