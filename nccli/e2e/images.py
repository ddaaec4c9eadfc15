"""A labelled set of images in memory: checked once, then trusted."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from nccli.errors import InputError
from nccli.theory.class_counts import sound_counts, step_imbalance, unequal_counts


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images and their classes.

    Attributes:
        images: (N, C, H, W), uint8 or float32.
        labels: (N,), class of each, 0..K−1.
    """

    images: NDArray[np.uint8] | NDArray[np.float32]
    labels: Int[np.ndarray, " N"]

    def __len__(self) -> int:
        """N."""
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A data set, sound: every class used, every pixel finite.

    Attributes:
        name: as the user names it; for files their name without the folder.
        K: number of classes, at least 2.
        train: what a network is trained and measured on.
        test: what it is tested on; None if there is nothing.
        remarks: what the user should know of how it was read.
        outputs: the number that the file gives to each class, where these are not 0..K−1: a network's output.
        class_counts: training samples of each class, where they were chosen to differ.

    Raises:
        InputError: one class, a class without a sample, labels out of range, pixels that are not finite, sizes or types
            that do not fit each other.
    """

    name: str
    K: int
    train: LabelledImages
    test: LabelledImages | None
    remarks: tuple[str, ...] = ()
    outputs: tuple[int, ...] | None = None
    class_counts: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained on."""
        if self.K < 2:
            raise InputError(f"{self.name}: all samples are of one class; at least two classes are needed")
        for part, found in (("training", self.train), ("test", self.test)):
            if found is not None:
                self._check(part, found)
        empty = np.flatnonzero(self.counts == 0)
        if empty.size:
            raise InputError(
                f"{self.name}: class {empty[0]} has no training sample: labels must be 0..{self.K - 1}, all used"
            )
        if self.test is not None and self.test.images.shape[1:] != self.train.images.shape[1:]:
            raise InputError(
                f"{self.name}: test images are {self.test.images.shape[1:]}, training images "
                f"{self.train.images.shape[1:]} (channels, height, width): they must be of one size"
            )
        if self.test is not None and self.test.images.dtype != self.train.images.dtype:
            raise InputError(
                f"{self.name}: test images are {self.test.images.dtype}, training images {self.train.images.dtype}: "
                "they must be of one type, for their white to be the same"
            )

    def _check(self, part: str, found: LabelledImages) -> None:
        if found.images.ndim != 4 or 0 in found.images.shape:
            raise InputError(f"{self.name}: {part} images have shape {found.images.shape}, not (N, C, H, W)")
        if len(found.images) != len(found.labels):
            raise InputError(f"{self.name}: {len(found.images)} {part} images and {len(found.labels)} labels")
        low, high = int(found.labels.min()), int(found.labels.max())
        if low < 0 or high >= self.K:
            raise InputError(
                f"{self.name}: {part} label {low if low < 0 else high} is out of range: labels are 0..{self.K - 1}"
            )
        if found.images.dtype != np.uint8 and not np.isfinite(found.images).all():
            bad = int(np.argmax(~np.isfinite(found.images).reshape(len(found), -1).all(axis=1)))
            raise InputError(f"{self.name}: {part} image {bad} has nan or infinite pixels")

    @property
    def counts(self) -> Int[np.ndarray, " K"]:
        """Training samples of each class."""
        return np.bincount(self.train.labels, minlength=self.K)

    @property
    def balanced(self) -> bool:
        """Whether every class has as many training samples, as the theory has it."""
        return len(set(self.counts.tolist())) == 1

    @property
    def n(self) -> int:
        """Training samples a class; of an unbalanced set the mean, rounded down."""
        return len(self.train) // self.K

    def balanced_subset(self, per_class: int) -> "ImageSet":
        """The first `per_class` training samples of each class; the test set stays whole.

        Raises:
            InputError: a class has fewer.
        """
        least = int(self.counts.min())
        if not 1 <= per_class <= least:
            raise InputError(
                f"--per-class {per_class}: {self.name} has {least} samples of class {int(self.counts.argmin())}; "
                f"choose 1 to {least}"
            )
        return self._first((per_class,) * self.K)

    def unequal_subset(self, counts: Sequence[int]) -> "ImageSet":
        """The first so many training samples of each class, K numbers; the test set stays whole.

        Raises:
            InputError: not a number for each class, or a class has fewer samples.
        """
        wanted = sound_counts(counts, self.K)
        for k, (count, there) in enumerate(zip(wanted, self.counts.tolist(), strict=True)):
            if count > there:
                raise InputError(f"class-counts: {count} samples of class {k}, and {self.name} has {there}")
        return replace(self._first(wanted), class_counts=unequal_counts(wanted))

    def imbalanced_subset(self, ratio: float, per_class: int | None = None) -> "ImageSet":
        """Step imbalance, as `nccli.theory.step_imbalance` has it, with the first samples of each class.

        Args:
            ratio: R.
            per_class: samples of a large class; None for as many as every class has.

        Raises:
            InputError: a ratio below 1, or a class has fewer samples.
        """
        return self.unequal_subset(step_imbalance(self.K, per_class or int(self.counts.min()), ratio))

    def _first(self, counts: Sequence[int]) -> "ImageSet":
        found = [np.flatnonzero(self.train.labels == k)[:count] for k, count in enumerate(counts)]
        chosen = np.sort(np.concatenate(found))
        return replace(self, train=LabelledImages(self.train.images[chosen], self.train.labels[chosen]))

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name the content: shapes, types, pixels and labels of both parts."""
        digest = hashlib.sha256()
        for part in (self.train, self.test):
            if part is not None:
                digest.update(f"{part.images.shape}{part.images.dtype.str}".encode())
                digest.update(np.ascontiguousarray(part.images).data)
                digest.update(part.labels.astype("<i8").tobytes())
        return digest.hexdigest()[:16]
