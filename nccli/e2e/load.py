"""From what the user names to images in memory."""

from pathlib import Path

from nccli.e2e.images import ImageSet
from nccli.errors import InputError

NAMES = ("digits", "mnist", "fashion-mnist", "cifar10", "cifar100")


def load_images(dataset: str, data_dir: Path, download: bool, per_class: int | None = None) -> ImageSet:
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
