"""What is read as images, and what is refused: one clear line each, nothing executed, nothing large allocated."""

import gzip
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from nccli.e2e.load import load_images
from nccli.errors import InputError
from tests.e2e.image_files import image_set, patterns, write_idx, write_mnist, write_npz

IMAGES, LABELS = patterns()


@pytest.mark.parametrize(
    ("change", "shape"),
    [
        (lambda x: x, (1, 8, 8)),
        (lambda x: x[:, None].repeat(3, axis=1), (3, 8, 8)),
        (lambda x: x[..., None].repeat(3, axis=3), (3, 8, 8)),
        (lambda x: x.astype(np.float16) / 255, (1, 8, 8)),
    ],
    ids=["NHW", "NCHW", "NHWC", "half"],
)
def test_layouts_of_an_npz_file(tmp_path: Path, change: Callable[[np.ndarray], np.ndarray], shape: tuple[int]) -> None:
    path = write_npz(tmp_path / "own.npz", x_train=change(IMAGES), x_test=None, y_test=None)
    found = load_images(str(path), tmp_path, download=False)
    assert found.train.images.shape[1:] == shape
    assert (found.K, found.n, found.balanced, found.test) == (4, 12, True, None)
    expected = change(IMAGES)[3].reshape(8, 8, -1)[..., 0] if shape[0] == 1 else IMAGES[3]
    np.testing.assert_array_equal(found.train.images[3, 0], expected.astype(found.train.images.dtype))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"y_train": LABELS - 1}, "-1 is out of range"),
        ({"y_train": np.full((48, 4), 0.25)}, "not one-hot"),
        ({"y_train": np.zeros_like(LABELS)}, "of one class"),
        ({"y_train": LABELS[:-1]}, "48 training images and 47 labels"),
        ({"y_train": LABELS + 0.5}, "no integers"),
        ({"y_test": np.full(12, 7)}, "test label 7 is out of range"),
        ({"x_train": np.where(IMAGES == IMAGES.max(), np.nan, IMAGES)}, "nan or infinite pixels"),
        ({"x_train": IMAGES.astype(np.int32)}, "uint8, uint16 or float"),
        ({"x_train": IMAGES[:, :, :, None, None]}, "NCHW, NHWC or NHW"),
        ({"x_test": IMAGES[:12, :4]}, "must be of one size"),
        ({"x_test": IMAGES[:12] / 255}, "must be of one type"),
        ({"x_test": None}, "belong together"),
        ({"x_train": None}, "no array x_train"),
        ({"x_train": np.array([{}] * 48)}, "Python objects"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_npz_file_that_is_no_image_set_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = write_npz(tmp_path / "own.npz", **changes)
    with pytest.raises(InputError, match=said) as refused:
        load_images(str(path), tmp_path, download=False)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("kept", [10, 200, 0.5, 0.95])
def test_a_truncated_npz_file_is_refused(tmp_path: Path, kept: float) -> None:
    path = write_npz(tmp_path / "own.npz")
    data = path.read_bytes()
    path.write_bytes(data[: int(kept if kept > 1 else kept * len(data))])
    with pytest.raises(InputError, match=r"truncated|damaged"):
        load_images(str(path), tmp_path, download=False)


def test_a_header_that_asks_for_more_than_the_file_has_allocates_nothing(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (2**40,), "fortran_order": False, "descr": "|u1"})
    path = write_npz(tmp_path / "own.npz", x_train=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", header.getvalue() + b"\0" * 100)
    with pytest.raises(InputError, match="truncated"):
        load_images(str(path), tmp_path, download=False)


def test_mnist_is_read_as_torchvision_unpacks_it(tmp_path: Path) -> None:
    root = write_mnist(tmp_path)
    ours, theirs = load_images("mnist", root, download=False), datasets.MNIST(str(root), train=True)
    np.testing.assert_array_equal(ours.train.images[:, 0], theirs.data.numpy())
    np.testing.assert_array_equal(ours.train.labels, theirs.targets.numpy())
    assert ours.test is not None
    assert len(ours.test) == 20


def test_mnist_that_is_not_there_says_which_files_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte.gz.*MNIST/raw"):
        load_images("mnist", tmp_path, download=False)
    with pytest.raises(InputError, match=r"cifar-10-python.tar.gz"):
        load_images("cifar10", tmp_path, download=False)


def test_an_archive_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    root = write_mnist(tmp_path)
    raw = root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    raw.with_name(f"{raw.name}.gz").write_bytes(gzip.compress(raw.read_bytes()))
    raw.unlink()
    with pytest.raises(InputError, match="checksum is wrong"):
        load_images("mnist", root, download=False)


def test_a_truncated_idx_file_is_refused(tmp_path: Path) -> None:
    root = write_mnist(tmp_path)
    raw = root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    raw.write_bytes(raw.read_bytes()[:-5])
    with pytest.raises(InputError, match="truncated"):
        load_images("mnist", root, download=False)
    write_idx(raw, np.zeros(3))
    raw.write_bytes(b"PK" + raw.read_bytes())
    with pytest.raises(InputError, match="not an IDX file"):
        load_images("mnist", root, download=False)


def test_a_folder_a_class(tmp_path: Path) -> None:
    for part, count in (("train", 12), ("test", 4)):
        for i, (image, label) in enumerate(zip(IMAGES[: 4 * count], LABELS, strict=False)):
            folder = tmp_path / part / f"class{label}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{i:03}.png")
    found = load_images(str(tmp_path), tmp_path, download=False)
    assert (found.K, found.n, found.train.images.shape[1:]) == (4, 12, (1, 8, 8))
    assert {image.tobytes() for image in found.train.images} == {image.tobytes() for image in IMAGES}
    (tmp_path / "train" / "class0" / "000.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(InputError, match=r"000.png: cannot be read"):
        load_images(str(tmp_path), tmp_path, download=False)


def test_the_default_needs_no_network() -> None:
    found = load_images("digits", Path("nowhere"), download=False)
    assert (found.K, found.train.images.shape[1:]) == (10, (1, 8, 8))
    assert not found.balanced
    assert found.balanced_subset(20).counts.tolist() == [20] * 10


def test_a_subset_is_balanced_and_keeps_the_order_and_the_test_set() -> None:
    whole = image_set()
    part = whole.balanced_subset(5)
    assert part.counts.tolist() == [5] * 4
    assert part.test is whole.test
    np.testing.assert_array_equal(part.train.images, whole.train.images[:20])
    with pytest.raises(InputError, match="choose 1 to 12"):
        whole.balanced_subset(13)


def test_a_fingerprint_sees_a_single_pixel_and_a_single_label() -> None:
    first = image_set().fingerprint
    assert image_set().fingerprint == first
    pixel, label = image_set(), image_set()
    pixel.train.images[7, 0, 3, 3] ^= 1
    label.train.labels[[0, 1]] = label.train.labels[[1, 0]]
    assert len({first, pixel.fingerprint, label.fingerprint, image_set().balanced_subset(5).fingerprint}) == 4


def test_a_pickle_is_never_executed(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.write_text, (tmp_path / "executed", "yes"))

    (tmp_path / "own.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError):
        load_images(str(tmp_path / "own.npz"), tmp_path, download=False)
    assert not (tmp_path / "executed").exists()
