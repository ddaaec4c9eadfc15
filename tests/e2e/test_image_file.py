"""An image file of more than 8 bits is read whole or refused, never clipped or rounded without a word."""

import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nccli.e2e.image_file import read_image
from nccli.e2e.load import load_images
from nccli.errors import InputError
from tests.cli.command import Nccli
from tests.e2e.image_files import patterns, write_npz

GREY = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1040
GREY[-1, -1] = 65535
COLOURS = np.random.default_rng(0).integers(0, 2**16, (8, 8, 4), dtype=np.uint16)


def write_png(path: Path, pixels: np.ndarray) -> None:
    """16 bits a channel: grey, grey with alpha, colours, or colours with alpha."""
    height, width = pixels.shape[:2]
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[pixels[0, 0].size]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts.items()
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def write_tiff(path: Path, pixels: np.ndarray, order: str = "<", **tags: int) -> None:
    """`tags` may be bits, compression (8: deflate), photometric, planar, format."""
    bits, channels = tags.get("bits", 8 * pixels.itemsize), pixels[0, 0].size
    if bits == 12:
        data = np.packbits(np.unpackbits(pixels.astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)[:, 4:]).tobytes()
    else:
        data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    compression = tags.get("compression", 1)
    data = zlib.compress(data) if compression == 8 else data
    photometric = tags.get("photometric", 1 if channels == 1 else 2)
    entries = [(256, pixels.shape[1]), (257, pixels.shape[0]), (259, compression), (262, photometric), (273, 8)]
    entries += [
        (277, channels),
        (278, pixels.shape[0]),
        (279, len(data)),
        (284, tags.get("planar", 1)),
        (339, tags.get("format", 1)),
    ]
    directory, after = b"", 8 + len(data)
    packed = struct.pack(f"{order}{channels}H", *[bits] * channels)
    for tag, value in sorted([*entries, (258, -1)]):
        if tag != 258:
            directory += struct.pack(f"{order}HHII", tag, 4, 1, value)
        elif channels == 1:
            directory += struct.pack(f"{order}HHIHH", tag, 3, 1, bits, 0)
        else:
            directory += struct.pack(f"{order}HHII", tag, 3, channels, after)
    start = after + len(packed)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    path.write_bytes(head + data + packed + struct.pack(f"{order}H", 11) + directory + bytes(4))


def write_folder(folder: Path, images: np.ndarray, labels: np.ndarray, suffix: str = "png") -> Path:
    """A folder a class."""
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / f"class{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"class{label}" / f"{i:03}.{suffix}")
    return folder


WHOLE: dict[str, Callable[[Path], object]] = {
    "png": lambda path: write_png(path, GREY),
    "pillow.png": lambda path: Image.fromarray(GREY).save(path),
    "little.tif": lambda path: write_tiff(path, GREY),
    "big.tif": lambda path: write_tiff(path, GREY, ">"),
    "white-is-zero.tif": lambda path: write_tiff(path, 65535 - GREY, photometric=0),
    "big-deflate.tif": lambda path: write_tiff(path, GREY, ">", compression=8),
    "lzw.tiff": lambda path: Image.fromarray(GREY).save(path, compression="tiff_lzw"),
    "pgm": lambda path: path.write_bytes(b"P5 8 8 65535\n" + GREY.astype(">u2").tobytes()),
    "plain.pgm": lambda path: path.write_text("P2 8 8 65535\n" + " ".join(map(str, GREY.ravel()))),
    "float.tif": lambda path: Image.fromarray(GREY.astype(np.float32) / np.float32(65535)).save(path),
}


@pytest.mark.parametrize("name", WHOLE)
def test_sixteen_bits_of_grey_are_read_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a.{name}"
    WHOLE[name](path)
    found = read_image(str(path))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.round(found.astype(float) * 65535), GREY)
    assert (found.min(), found.max()) == (0, 1)


def test_twelve_bits_are_taken_over_their_own_largest(tmp_path: Path) -> None:
    grey = (GREY >> 4).astype(np.uint16)
    write_tiff(tmp_path / "a.tif", grey, bits=12)
    np.testing.assert_array_equal(np.round(read_image(str(tmp_path / "a.tif")) * 4095), grey)
    (tmp_path / "a.pgm").write_bytes(b"P5 8 8 4095\n" + grey.astype(">u2").tobytes())
    np.testing.assert_allclose(read_image(str(tmp_path / "a.pgm")), grey / 4095, atol=1e-5)


COLOURED: dict[str, tuple[int, Callable[[Path, np.ndarray], object]]] = {
    "grey-alpha.png": (2, write_png),
    "colour.png": (3, write_png),
    "alpha.png": (4, write_png),
    "colour.tif": (3, write_tiff),
    "big.tif": (3, lambda path, pixels: write_tiff(path, pixels, ">")),
    "alpha.tif": (4, write_tiff),
    "deflate.tif": (3, lambda path, pixels: write_tiff(path, pixels, compression=8)),
    "big-deflate.tif": (3, lambda path, pixels: write_tiff(path, pixels, ">", compression=8)),
}


@pytest.mark.parametrize("name", COLOURED)
def test_sixteen_bits_of_colour_are_read_whole(tmp_path: Path, name: str) -> None:
    channels, write = COLOURED[name]
    pixels = COLOURS[..., :channels]
    write(tmp_path / name, pixels)
    expected = pixels[..., :3] if channels > 2 else pixels[..., :1].repeat(3, axis=2)
    np.testing.assert_array_equal(np.round(read_image(str(tmp_path / name)).astype(float) * 65535), expected)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "planes.tif": (lambda path: write_tiff(path, COLOURS[..., :3], planar=2), "RGB in PNG or TIFF"),
    "cmyk.tif": (lambda path: write_tiff(path, COLOURS, photometric=5), "RGB in PNG or TIFF"),
    "colour.ppm": (lambda path: path.write_bytes(b"P6 8 8 65535\n" + bytes(8 * 8 * 6)), "RGB in PNG or TIFF"),
    "colour12.ppm": (lambda path: path.write_bytes(b"P6 8 8 4095\n" + bytes(8 * 8 * 6)), "RGB in PNG or TIFF"),
    "int32.tif": (lambda path: Image.fromarray(GREY.astype(np.int32)).save(path), "32-bit or signed"),
    "int16.tif": (lambda path: write_tiff(path, GREY.astype(np.int16), format=2), "32-bit or signed"),
    "bytes-as-float.tif": (lambda path: Image.fromarray(GREY.astype(np.float32)).save(path), "floats from 0 to 65535"),
    "negative.tif": (lambda path: Image.fromarray(np.full((8, 8), -0.5, np.float32)).save(path), "floats from -0.5"),
    "nan.tif": (lambda path: Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(path), "floats from nan"),
    "infinite.tif": (lambda path: Image.fromarray(np.full((8, 8), np.inf, np.float32)).save(path), "to inf"),
    "truncated.png": (
        lambda path: (write_png(path, COLOURS), path.write_bytes(path.read_bytes()[:200])),
        "truncated",
    ),
    "truncated-grey.png": (
        lambda path: (write_png(path, COLOURS[..., 0]), path.write_bytes(path.read_bytes()[:100])),
        "truncated",
    ),
    "empty.png": (lambda path: path.write_bytes(b""), "cannot be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_lose_something_is_refused_by_name(tmp_path: Path, name: str) -> None:
    write, said = REFUSED[name]
    write(tmp_path / name)
    with pytest.raises(InputError, match=said) as refused:
        read_image(str(tmp_path / name))
    assert str(tmp_path / name) in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK"])
def test_eight_bits_are_bytes_as_pillow_has_them(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image = Image.fromarray((COLOURS[..., :3] >> 8).astype(np.uint8)).convert(mode)
    image.save(path)
    found = read_image(str(path))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.asarray(image if mode == "L" else image.convert("RGB")))


def test_a_set_of_8_and_16_bits_is_scaled_by_the_largest_of_each(tmp_path: Path) -> None:
    images, labels = patterns()
    folder = write_folder(tmp_path / "own", images, labels)
    write_png(folder / "class0" / "000.png", images[0].astype(np.uint16) * 257)
    found = load_images(str(folder), tmp_path, download=False).train.images
    whole = load_images(str(write_folder(tmp_path / "bytes", images, labels)), tmp_path, download=False).train.images
    assert (found.dtype, whole.dtype) == (np.float32, np.uint8)
    np.testing.assert_array_equal(found, whole.astype(np.float32) / np.float32(255))


def test_arrays_of_16_bits_are_read_as_files_of_16_bits(tmp_path: Path) -> None:
    images, labels = patterns()
    deep = images.astype(np.uint16) * 257 + 3
    folder = write_folder(tmp_path / "own", deep, labels)
    files = load_images(str(folder), tmp_path, download=False).train
    for order in "<>":
        npz = write_npz(tmp_path / "own.npz", x_train=deep.astype(f"{order}u2"), x_test=None, y_test=None)
        arrays = load_images(str(npz), tmp_path, download=False).train
        assert {image.tobytes() for image in files.images} == {image.tobytes() for image in arrays.images}


def put_what_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "a-fifo.png")
    (folder / "b-link.png").symlink_to(folder / "nowhere")
    (folder / "c-device.png").symlink_to("/dev/zero")
    (folder / "d-fifo").symlink_to(folder / "a-fifo.png")
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as bound:
        os.chdir(folder)
        bound.bind("e-socket.png")
        os.chdir(here)


def test_what_is_no_file_is_passed_over_with_one_note_and_never_opened(tmp_path: Path) -> None:
    images, labels = patterns()
    for part in ("train", "test"):
        write_folder(tmp_path / "own" / part, images, labels)
    put_what_is_no_file(tmp_path / "own" / "train" / "class1")
    (tmp_path / "own" / "train" / "class1" / "Thumbs.db").write_text("no image")
    (tmp_path / "own" / "train" / "class1" / "more.png").mkdir()
    os.mkfifo(tmp_path / "own" / "test" / "class2" / "a.png")
    line = "train-e2e --dataset own --backbone mlp --L 3 --width 6 --epochs 1 --dry-run"
    ended = Nccli(tmp_path)(line)
    (said,) = [line for line in ended.err.splitlines() if "passed over" in line]
    assert "6 entries" in said
    assert "own/train/class1/a-fifo.png" in said
    assert "passed over" not in Nccli(tmp_path)(f"{line} --quiet").err
    found = load_images(str(tmp_path / "own"), tmp_path, download=False)
    assert len(found.train) == len(found.test or ()) == len(images)
    assert len(found.remarks) == 1
    assert found.balanced_subset(2).remarks == found.remarks


def test_a_class_of_nothing_but_a_fifo_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "own", *patterns())
    (folder / "class9").mkdir()
    os.mkfifo(folder / "class9" / "a.png")
    assert "class9" in Nccli(tmp_path)("train-e2e --dataset own", code=2).err


def test_a_network_is_measured_on_16_bits(tmp_path: Path) -> None:
    images, labels = patterns()
    write_folder(tmp_path / "own", images.astype(np.uint16) * 257, labels)
    write_folder(tmp_path / "bytes", images, labels)
    (tmp_path / "their_net.py").write_text(
        "import torch\n"
        "def net(shape, K):\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 9), torch.nn.Linear(9, K))\n"
    )
    deep, shallow = (
        Nccli(tmp_path)(f"measure --model their_net:net --dataset {name} --format jsonl").records
        for name in ("own", "bytes")
    )
    assert [layer["dnc1"] for layer in deep] == pytest.approx([layer["dnc1"] for layer in shallow])
