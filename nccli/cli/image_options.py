"""Options of the commands that read images."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nccli.cli.notes import note
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.e2e.images import ImageSet
    from nccli.e2e.load import ImageSource

_DATA = "Data"

Dataset = Annotated[
    str,
    typer.Option(
        "--dataset",
        metavar="NAME|FILE|FOLDER",
        help="digits, mnist, fashion-mnist, cifar10, cifar100; FILE.npz with x_train, y_train, x_test, y_test; "
        "or a folder with a folder a class.",
        rich_help_panel=_DATA,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Where torchvision's sets lie or go. [default: NCCLI_DATA, or data in the user's cache folder]",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
NoDownload = Annotated[bool, typer.Option("--no-download", help="Never fetch a data set.", rich_help_panel=_DATA)]
PerClass = Annotated[
    int | None,
    typer.Option(
        "--per-class",
        help="Train on the first so many samples of each class. [default: all]",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]

DatasetName = Annotated[
    str | None,
    typer.Option(
        "--dataset-name",
        metavar="NAME",
        help="What the runs call the set, so that figures of cifar10 find one in a file. [default: its own name]",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]

ClassCounts = Annotated[
    str | None,
    typer.Option(
        "--class-counts",
        metavar="N1,N2,…",
        help="Train on the first so many samples of each of the K classes, in place of --per-class.",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
Imbalance = Annotated[
    float | None,
    typer.Option(
        "--imbalance",
        help="Step imbalance R >= 1: of the first ⌈K/2⌉ classes --per-class samples, of the others max(1, round(n/R)).",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]

_NAME = re.compile(r"[\w.+-]{1,64}")
"""A taste: what needs no quotes in --where and in a table."""


def image_source(
    dataset: str,
    data_dir: Path | None,
    no_download: bool,
    per_class: int | None,
    name: str | None = None,
    class_counts: str | None = None,
    imbalance: float | None = None,
) -> "ImageSource":
    """What the options name.

    Raises:
        InputError: a name that is none.
    """
    from nccli.e2e.load import ImageSource
    from nccli.theory import parse_counts, step_imbalance

    if name is not None and not _NAME.fullmatch(name):
        raise InputError(f"--dataset-name '{name}': must be 1 to 64 letters, digits and . _ + -, as cifar10")
    named = os.environ.get("NCCLI_DATA")
    folder = data_dir or (Path(named) if named else Path.home() / ".cache" / "nccli" / "data")
    counts = None if class_counts is None else parse_counts(class_counts)
    if imbalance is not None:
        _ = step_imbalance(2, 1, imbalance)  # says what is wrong with it
    return ImageSource(dataset, str(folder), not no_download, per_class, name, counts, imbalance)


def read_images(source: "ImageSource", quiet: bool) -> "ImageSet":
    """Load a data set, and say where it is not what the theory is for.

    Raises:
        InputError: nothing there, or no sound image set.
    """
    images = source.load()
    for remark in images.remarks:
        note(f"{images.name}: {remark}", quiet)
    if not images.balanced and images.class_counts is None:
        low, high = int(images.counts.min()), int(images.counts.max())
        note(
            f"{images.name} has {low} to {high} samples a class: the theory is for equal ones; --per-class {low} "
            "makes them so",
            quiet,
        )
    return images
