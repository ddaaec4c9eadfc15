"""The user's own images: an .npz file or a folder of image files; and scikit-learn's digits, which need no file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nccli.e2e.image_file import read_image, unit_range
from nccli.e2e.images import ImageSet, LabelledImages
from nccli.errors import InputError
from nccli.measure.array_file import read_npz
from nccli.measure.labels import Labels, read_labels
from nccli.training.memory import require_memory

_CHANNELS = (1, 3, 4)
_TEST_SHARE = 5
"""A taste: every fifth digit is for testing."""

_COPIES = 3
"""A bound: images one by one, stacked, and with channels first."""


def npz_images(path: Path) -> ImageSet:
    """x_train, y_train and perhaps x_test, y_test; uint8, uint16 or float; NCHW, NHWC or NHW.

    Raises:
        InputError: as `read_npz` and `ImageSet`, or arrays that are no images or no labels.
    """
    arrays = read_npz(path, {"x_train": True, "y_train": True, "x_test": False, "y_test": False})
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise InputError(f"{path.name}: x_test and y_test belong together, and one of them is missing")
    parts: dict[str, LabelledImages] = {}
    known: Labels | None = None
    for part in ("train", "test"):
        if f"x_{part}" in arrays:
            images = as_images(arrays[f"x_{part}"], f"{path.name}: x_{part}")
            names = None if known is None else known.names
            labels = read_labels(arrays[f"y_{part}"], f"{path.name}: y_{part}", names)
            known = known or labels
            if len(known.names) == 1:
                raise InputError(f"{path.name}: all samples are of one class; at least two classes are needed")
            parts[part] = LabelledImages(images, labels.classes)
    if known is None or not len(parts["train"]):
        raise InputError(f"{path.name}: y_train is empty")
    remarks = (known.remark.removeprefix(f"{path.name}: "),) if known.remark else ()
    return ImageSet(path.name, len(known.names), parts["train"], parts.get("test"), remarks, known.outputs)


def as_images(array: NDArray[Any], name: str) -> NDArray[Any]:
    """(N, C, H, W) uint8 or float32 from NCHW, NHWC or NHW; uint16 over the largest of its type.

    Raises:
        InputError: another type or shape, or one that may be both NCHW and NHWC.
    """
    native = array.dtype.newbyteorder("=")
    if native not in (np.uint8, np.uint16) and array.dtype.kind != "f":
        raise InputError(f"{name} is {array.dtype}: images are uint8, uint16 or float")
    if native == np.uint16:
        array = unit_range(array, 65535)
    elif native != np.uint8:
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
    no_files: list[str] = []
    train, classes = _folder(train_folder, no_files)
    test = None
    if train_folder != path and test_folder is not None:
        test, names = _folder(test_folder, no_files)
        if names != classes:
            raise InputError(f"{test_folder}: its classes are not those of {train_folder}")
        train, test = _of_one_type(train, test)
    return ImageSet(path.resolve().name, len(classes), train, test, _passed_over(no_files))


def _of_one_type(train: LabelledImages, test: LabelledImages) -> tuple[LabelledImages, LabelledImages]:
    """As they are, or both from 0 to 1."""
    if train.images.dtype == test.images.dtype:
        return train, test
    return _from_0_to_1(train), _from_0_to_1(test)


def _from_0_to_1(found: LabelledImages) -> LabelledImages:
    deep = found.images.dtype != np.uint8
    return found if deep else LabelledImages(unit_range(found.images, 255), found.labels)


def _passed_over(no_files: list[str]) -> tuple[str, ...]:
    if not no_files:
        return ()
    number = "1 entry is" if len(no_files) == 1 else f"{len(no_files)} entries are"
    return (f"{number} passed over: FIFO, socket, device or dangling link, not a file; the first is {no_files[0]}",)


def _folder(path: Path, no_files: list[str]) -> tuple[LabelledImages, list[str]]:
    """Images and names of the classes; what lies there and is no file is never opened, but added to `no_files`."""
    from torchvision.datasets import ImageFolder
    from torchvision.datasets.folder import IMG_EXTENSIONS, is_image_file

    def is_image(file: str) -> bool:
        if not Path(file).is_file():
            no_files.append(file)
        elif is_image_file(file):
            return True
        return False

    try:
        found = ImageFolder(str(path), is_valid_file=is_image)
    except OSError as error:
        why = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: no folder of images a class ({why}); images end in {', '.join(IMG_EXTENSIONS)}"
        ) from error
    images: list[NDArray[Any]] = []
    size = None
    for file, _ in found.samples:
        image = read_image(file)
        size = size or image.shape
        if image.shape != size:
            raise InputError(
                f"{file}: {image.shape} pixels where {found.samples[0][0]} has {size}: "
                "images must be of one size; resize or crop them first"
            )
        if not images:
            what = f"{path.name}: {len(found.samples)} images of shape {image.shape}, read and stacked,"
            require_memory(what, _COPIES * image.nbytes * len(found.samples), "fewer or smaller images")
        images.append(image if image.ndim == 3 else image[:, :, None])
    if any(image.dtype != np.uint8 for image in images):
        images = [unit_range(image, 255) if image.dtype == np.uint8 else image for image in images]
    stacked = np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
    return LabelledImages(stacked, np.asarray(found.targets, np.int64)), list(found.classes)


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
