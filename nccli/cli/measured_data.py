"""What a network of the user's own is measured on: images, or sequences and vectors of a file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nccli.catalogue.options import Split
from nccli.cli.image_options import read_images
from nccli.cli.notes import note
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.e2e.images import ImageSet
    from nccli.e2e.load import ImageSource
    from nccli.measure.array_set import ArraySet
    from nccli.measure.batches import Samples


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the data on a device.

    Attributes:
        samples: of it.
        K: classes.
        N: samples, or tokens, that have a class.
        outputs: the output of a network that each class may be, where the data say so.
    """

    samples: "Samples"
    K: int
    N: int
    outputs: tuple[int, ...] | None = None

    @property
    def n(self) -> int:
        """Samples or tokens a class, the mean rounded down; 1 where there are fewer."""
        return max(1, self.N // self.K)


@dataclass(frozen=True, eq=False)
class Data:
    """A data set as measuring asks for it.

    Attributes:
        found: the set.
        name: of the set.
        shape: of an input, without the axis of samples.
        K: classes of the training part.
        fingerprint: names the content.
    """

    found: "ImageSet | ArraySet"
    name: str
    shape: tuple[int, ...]
    K: int
    fingerprint: str

    def parts(self, splits: Sequence[str], device: str) -> dict[str, Part]:
        """The parts that are asked for, on a device.

        Raises:
            InputError: one that is not there, or does not fit into the memory of a GPU.
        """
        from nccli.measure.array_set import ArraySet

        if Split.TEST in splits and self.found.test is None:
            raise InputError(f"--split test: {self.name} has no test set")
        if isinstance(self.found, ArraySet):
            parts = {Split.TRAIN.value: self.found.train, Split.TEST.value: self.found.test}
            chosen = {name: part for name, part in parts.items() if part is not None and name in splits}
            return {
                name: Part(replace(part, device=device), part.K, part.labelled, part.outputs)
                for name, part in chosen.items()
            }
        from nccli.e2e.device_images import DeviceImages

        train = DeviceImages(self.found.train, device)
        made = {Split.TRAIN.value: train}
        if self.found.test is not None and Split.TEST in splits:
            made[Split.TEST.value] = DeviceImages(self.found.test, device, train.scale)
        return {name: Part(part, self.K, len(part), self.found.outputs) for name, part in made.items()}


def read_data(source: "ImageSource", quiet: bool) -> Data:
    """Read what the options name, and say what is to be known of it.

    Raises:
        InputError: nothing there, or nothing that can be measured on.
    """
    if Path(source.dataset).suffix == ".npz" and Path(source.dataset).is_file():
        from nccli.measure.array_set import read_array_set
        from nccli.sweep import content_fingerprint

        arrays = read_array_set(Path(source.dataset))
        if arrays is not None:
            if source.per_class is not None:
                raise InputError("--per-class is for images: choose samples when the file is made")
            for remark in arrays.remarks:
                note(f"{arrays.name}: {remark}", quiet)
            parts = [part for part in (arrays.train, arrays.test) if part is not None]
            content = content_fingerprint(*(array for part in parts for array in (part.inputs, part.labels)))
            return Data(arrays, arrays.name, arrays.train.inputs.shape[1:], arrays.train.K, content)
    images = read_images(source, quiet)
    return Data(images, images.name, images.train.images.shape[1:], images.K, images.fingerprint)
