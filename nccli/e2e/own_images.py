"""The user's own images: an .npz file or a folder of image files; and scikit-learn's digits, which need no file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nccli.e2e.images import ImageSet, LabelledImages
from nccli.errors import InputError
from nccli.measure.array_file import read_npz
from nccli.measure.labels import as_labels
from nccli.training.memory import require_memory

_CHANNELS = (1, 3, 4)
_TEST_SHARE = 5
"""A taste: every fifth digit is for testing."""

_COPIES = 3
"""A bound: images one by one, stacked, and with channels first."""


def npz_images(path: Path) -> ImageSet:
    """x_train, y_train and perhaps x_test, y_test; uint8 or float; NCHW, NHWC or NHW.

    Raises:
        InputError: as `read_npz` and `ImageSet`, or arrays that are no images or no labels.
    """
    arrays = read_npz(path, {"x_train": True, "y_train": True, "x_test": False, "y_test": False})
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise InputError(f"{path.name}: x_test and y_test belong together, and one of them is missing")
    parts = {}
    for part in ("train", "test"):
        if f"x_{part}" in arrays:
            parts[part] = LabelledImages(
                as_images(arrays[f"x_{part}"], f"{path.name}: x_{part}"),
                as_labels(arrays[f"y_{part}"], f"{path.name}: y_{part}"),
            )
    train = parts["train"]
    if not len(train):
        raise InputError(f"{path.name}: y_train is empty")
    return ImageSet(path.name, int(train.labels.max()) + 1, train, parts.get("test"))


def as_images(array: NDArray[Any], name: str) -> NDArray[Any]:
    """(N, C, H, W) uint8 or float32 from NCHW, NHWC or NHW.

    Raises:
        InputError: another type or shape, or one that may be both NCHW and NHWC.
    """
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise InputError(f"{name} is {array.dtype}: images are uint8 or float")
    if array.dtype != np.uint8:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    if array.ndim == 3:
        return array[:, None]
    if array.ndim != 4:
        raise InputError(f"{name} has shape {array.shape}: images are NCHW, NHWC or NHW")
    first, last = array.shape[1] in _CHANNELS, array.shape[3] in _CHANNELS
    if first and last and array.shape[1] != array.shape[3]:
        raise InputError(f"{name} has shape {array.shape}, which may be NCHW or NHWC: transpose it to make it plain")
    if not first and not last:
        raise InputError(f"{name} has shape {array.shape}: neither axis 1 nor axis 3 has 1, 3 or 4 channels")
    return array if first else np.ascontiguousarray(array.transpose(0, 3, 1, 2))


def folder_images(path: Path) -> ImageSet:
    """A folder a class, as torchvision's ImageFolder has it; or such folders in `train` and `test` (or `val`).

    Raises:
        InputError: no images, images of different sizes, or a file that is no image.
    """
    train_folder = path / "train" if (path / "train").is_dir() else path
    test_folder = next((path / name for name in ("test", "val") if (path / name).is_dir()), None)
    train, classes = _folder(train_folder)
    test = None
    if train_folder != path and test_folder is not None:
        test, names = _folder(test_folder)
        if names != classes:
            raise InputError(f"{test_folder}: its classes are not those of {train_folder}")
    return ImageSet(path.resolve().name, len(classes), train, test)


def _folder(path: Path) -> tuple[LabelledImages, list[str]]:
    from PIL import Image, UnidentifiedImageError
    from torchvision.datasets import ImageFolder

    def load(file: str) -> NDArray[np.uint8]:
        with Image.open(file) as image:
            return np.asarray(image if image.mode == "L" else image.convert("RGB"))

    try:
        found = ImageFolder(str(path), loader=load)
    except (FileNotFoundError, OSError) as error:
        raise InputError(f"{path}: no folder of images a class ({' '.join(str(error).split())[:120]})") from error
    images: list[NDArray[np.uint8]] = []
    labels, size = [], None
    for file, label in found.samples:
        try:
            image = load(file)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
            raise InputError(f"{file}: cannot be read as an image, it may be truncated") from error
        size = size or image.shape
        if image.shape != size:
            raise InputError(
                f"{file}: {image.shape} pixels where {found.samples[0][0]} has {size}: images must be of one size"
            )
        if not images:
            what = f"{path.name}: {len(found.samples)} images of shape {image.shape}, read and stacked,"
            require_memory(what, _COPIES * image.nbytes * len(found.samples), "fewer or smaller images")
        images.append(image if image.ndim == 3 else image[:, :, None])
        labels.append(label)
    stacked = np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
    return LabelledImages(stacked, np.asarray(labels, np.int64)), list(found.classes)


def digits_images() -> ImageSet:
    """1797 handwritten digits of 8 × 8 pixels in 17 grey levels, every fifth for testing; part of scikit-learn.

    Raises:
        InputError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise InputError("--dataset digits comes with scikit-learn: pip install scikit-learn") from error
    found = load_digits()
    images = found.images.astype(np.float32)[:, None] / 16
    labels = found.target.astype(np.int64)
    test = np.arange(len(labels)) % _TEST_SHARE == _TEST_SHARE - 1
    train = LabelledImages(images[~test], labels[~test])
    return ImageSet("digits", 10, train, LabelledImages(images[test], labels[test]))
