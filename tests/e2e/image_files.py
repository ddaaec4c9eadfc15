"""Small image sets in the formats of the real ones."""

from pathlib import Path
from typing import Any

import numpy as np

from nccli.e2e.config import E2eConfig
from nccli.e2e.images import ImageSet, LabelledImages


def patterns(
    K: int = 4, n: int = 12, size: int = 8, seed: int = 0, noise: float = 30.0
) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images (N, size, size) of K noisy random patterns, and labels."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(K), n)
    means = np.random.default_rng(99).integers(0, 255, (K, size, size))
    return np.clip(means[labels] + rng.normal(0, noise, (K * n, size, size)), 0, 255).astype(np.uint8), labels


def image_set(K: int = 4, n: int = 12, size: int = 8) -> ImageSet:
    """The same as a set with a test part."""
    images, labels = patterns(K, n, size)
    test, test_labels = patterns(K, 3, size, seed=1)
    return ImageSet("patterns", K, LabelledImages(images[:, None], labels), LabelledImages(test[:, None], test_labels))


def write_npz(path: Path, **changes: Any) -> Path:
    """An .npz file that `train-e2e` reads; arrays may be replaced, or left out with None."""
    images, labels = patterns()
    test, test_labels = patterns(n=3, seed=1)
    arrays: dict[str, Any] = {"x_train": images, "y_train": labels, "x_test": test, "y_test": test_labels, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def write_idx(path: Path, array: np.ndarray) -> None:
    """An IDX file of bytes, as MNIST has them."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


def write_mnist(folder: Path) -> Path:
    """Ten classes of 28 × 28 pixels, laid out as torchvision unpacks MNIST; the root folder."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, n in (("train", 4), ("t10k", 2)):
        images, labels = patterns(10, n, 28, seed=n)
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
    return folder


def config_of(images: ImageSet, **changes: Any) -> E2eConfig:
    """A run on a set, small in every respect."""
    L = changes.get("L", 3)
    reg = changes.get("reg", "dufm")
    fields: dict[str, Any] = {
        **{"dataset": images.name, "data": images.fingerprint, "samples": len(images.train), "K": images.K},
        **{"n": images.n, "backbone": "small-cnn", "L": L, "width": 6, "reg": reg, "lr": 0.05, "steps": 6},
        **{
            "wd_h1": 1e-3 if reg == "dufm" else 0.0,
            "wd_layers": (5e-3,) * L,
            "batch_size": 16,
            "seed": 0,
            "momentum": 0.9,
        },
    }
    return E2eConfig(**{**fields, **changes})
