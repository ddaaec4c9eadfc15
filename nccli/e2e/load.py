"""From what the user names to images in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.e2e.images import ImageSet

NAMES = ("digits", "mnist", "fashion-mnist", "cifar10", "cifar100")


@dataclass(frozen=True)
class ImageSource:
    """Where a data set comes from, as plain data: another process loads the same from it.

    Attributes:
        dataset: one of `NAMES`, an .npz file, or a folder of image files.
        data_dir: torchvision's root for the sets that it knows.
        download: whether these may be fetched.
        per_class: take a balanced subset of so many training samples a class; None for all.
        name: of the data where it is not their own: figures ask for sets in files by the name of what they are.
        class_counts: take so many training samples of each class, in place of `per_class`.
        imbalance: R of step imbalance, `ImageSet.imbalanced_subset`, of which `per_class` is the largest class.
    """

    dataset: str
    data_dir: str
    download: bool
    per_class: int | None = None
    name: str | None = None
    class_counts: Sequence[int] | None = None
    imbalance: float | None = None

    @property
    def place(self) -> Path:
        """The file or folder that is read."""
        return Path(self.data_dir if self.dataset in NAMES else self.dataset)

    def load(self) -> "ImageSet":
        """Load the data set.

        Raises:
            InputError: nothing there, or something that is no sound image set.
        """
        whole = self.class_counts is not None or self.imbalance is not None
        found = load_images(self.dataset, Path(self.data_dir), self.download, None if whole else self.per_class)
        if self.class_counts is not None:
            found = found.unequal_subset(self.class_counts)
        elif self.imbalance is not None:
            found = found.imbalanced_subset(self.imbalance, self.per_class)
        return found if self.name is None else replace(found, name=self.name)

    def as_dict(self) -> dict[str, Any]:
        """All fields, paths absolute."""
        named = self.dataset in NAMES
        return {
            "dataset": self.dataset if named else str(Path(self.dataset).absolute()),
            "data_dir": str(Path(self.data_dir).absolute()),
            "download": self.download,
            "per_class": self.per_class,
            "name": self.name,
            "class_counts": None if self.class_counts is None else list(self.class_counts),
            "imbalance": self.imbalance,
        }


def load_images(dataset: str, data_dir: Path, download: bool, per_class: int | None = None) -> "ImageSet":
    """Load a data set.

    Args:
        dataset: one of `NAMES`, an .npz file, or a folder of image files.
        data_dir: torchvision's root for the sets that it knows.
        download: whether these may be fetched.
        per_class: take a balanced subset of so many training samples a class.

    Raises:
        InputError: nothing there, or something that is no sound image set.
    """
    path = Path(dataset)
    if dataset == "digits":
        from nccli.e2e.own_images import digits_images

        found = digits_images()
    elif dataset in NAMES:
        from nccli.e2e.torchvision_sets import torchvision_set

        found = torchvision_set(dataset, data_dir, download)
    elif path.suffix == ".npz" and path.is_file():
        from nccli.e2e.own_images import npz_images

        found = npz_images(path)
    elif path.is_dir():
        from nccli.e2e.own_images import folder_images

        found = folder_images(path)
    else:
        raise InputError(f"--dataset {dataset}: no such file or folder, and none of {', '.join(NAMES)}")
    return found if per_class is None else found.balanced_subset(per_class)
