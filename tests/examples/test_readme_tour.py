"""The tour of the README, carried out."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.examples.page_blocks import marked
from tests.examples.pipelines import carry_out


def test_the_tour_shows_what_the_readme_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer seeds, and on a terminal as wide as the page."""
    monkeypatch.setattr("nccli.cli.text_table.terminal_width", lambda: 80)
    blocks = marked("ci: tour")
    assert blocks
    for block in blocks:
        few = block.text.replace("--seed 0..9", "--seed 4,5")
        shown = "".join(ended.out for ended in carry_out(few, tmp_path, ("--format", "table")))
        found, told = tables(shown), tables(block.shown)
        assert len(found) == len(told) > 0, block
        for ours, theirs in zip(found, told, strict=True):
            assert ours.shown <= theirs.shown | theirs.hidden, block
            assert theirs.shown <= ours.shown | ours.hidden, block
        assert max(map(len, block.shown.splitlines())) <= 80


@dataclass
class Titles:
    """Words of the header of a table, and of the line below it about what has no room, which depends on the values."""

    shown: set[str]
    hidden: set[str]


def tables(text: str) -> list[Titles]:
    """Of each table in a text; of a text without one its own words."""
    found: list[Titles] = []
    before = ""
    for line in text.splitlines():
        if line and not line.strip("─"):
            found.append(Titles(set(before.split()), set()))
        elif found and line.startswith("not shown: "):
            found[-1].hidden |= set(re.split(r"[ ,]+", line))
        before = line
    return found or [Titles(set(text.split()), set())]
