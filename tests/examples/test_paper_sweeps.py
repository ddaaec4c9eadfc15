"""`examples/paper.toml` has the runs that the paper's figures ask for, as each figure itself says."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nccli.cli.invoke import invoke
from nccli.cli.output import collected
from nccli.cli.sweep_file import SweepCommand, read_sweeps
from nccli.e2e.images import ImageSet, LabelledImages
from nccli.e2e.load import ImageSource
from tests.figures.drawing import PAPER_FIGURES

PAPER = Path(__file__).parents[2] / "examples" / "paper.toml"


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the data sets, for what runs there are does not depend on them, nor on what networks can do."""

    def load(source: ImageSource) -> ImageSet:
        images = np.random.default_rng(0).random((20, 1, 8, 8)).astype(np.float32)
        return ImageSet(source.dataset, 10, LabelledImages(images, np.arange(20) % 10), None)

    monkeypatch.setattr(ImageSource, "load", load)
    monkeypatch.setattr("nccli.cli.commands.train_e2e._check_network", lambda *_: None)
    monkeypatch.setattr("nccli.cli.commands.train_e2e._show_plan", show_ids)
    monkeypatch.setattr("nccli.cli.commands.train_dufm.show_plan", show_ids)


def show_ids(plan: Any, *_: object) -> None:
    """The runs, without what they cost."""
    from nccli.cli.options import OutputFormat
    from nccli.cli.output import emit

    emit([{"id": key} for key in plan.configs], None, OutputFormat.ids, ())


def planned(arguments: list[str]) -> set[str]:
    """Ids of the runs that a command would make."""
    with collected() as found:
        invoke([*arguments, "--dry-run", "--quiet", "--store", "there is none.db"])
    return {record["id"] for record in found}


@pytest.fixture(scope="module")
def entries() -> list[SweepCommand]:
    """The commands of the file."""
    return read_sweeps(PAPER)


def test_every_figure_finds_its_runs(entries: list[SweepCommand]) -> None:
    made = {key for each in entries for key in planned(each.arguments)}
    for figure in PAPER_FIGURES.values():
        for line in {part.made_by for part in figure.parts if part.made_by}:
            nccli, *arguments = shlex.split(line)
            assert nccli == "nccli"
            assert planned(arguments) <= made, f"{figure.name}: {line}"


def test_every_entry_is_named_after_a_figure_or_a_claim(entries: list[SweepCommand]) -> None:
    named = [re.match(r"fig\d+(?=-|$)|claim(?=-)", each.entry or "") for each in entries]
    assert {match[0] for match in named if match} == {*PAPER_FIGURES, "claim"}
    assert all(named)
