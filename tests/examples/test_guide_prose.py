"""What README and guide say between their blocks names what is there."""

import re
from pathlib import Path

import pytest

from nccli.errors import NccliError
from tests.examples.page_blocks import ALL, LANGUAGES, PAGES, ROOT

OF_OTHERS = {
    "--dist",
    "--check",
    "--files",
    "--hypothesis-profile",
    "--lines",
    "--quick",
    "--rich",
    "--runs",
    "--json",
    "--whole",
}
"""Options of our scripts and of other programs, that pages name."""


def test_every_fence_names_its_language() -> None:
    assert [f"{block}: '{block.language}'" for block in ALL if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    links = [link for link in links if link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    named = set(re.findall(r"\b(?:examples|tests|nccli|migrations)/[\w./-]+\.(?:sh|py|toml|md|csv|png|c|cu)\b", text))
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "commands.md"], ids=lambda page: page.name)
def test_commands_and_options_that_prose_names_are_there(page: Path) -> None:
    reference = (ROOT / "examples" / "guide" / "commands.md").read_text()
    ours = set(re.findall(r"--[A-Za-z][\w-]*", reference)) | {"--install-completion"} | OF_OTHERS
    text = page.read_text()
    assert sorted(set(re.findall(r"(?<![\w-])--[A-Za-z][\w-]*", text)) - ours) == []
    named = re.findall(r"`nccli ([a-z][\w-]*)", text)
    assert [name for name in named if f"<code>nccli {name}" not in reference] == []


def test_exit_codes_are_told_as_they_are() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| ", (ROOT / "examples" / "guide" / "scripting.md").read_text(), re.MULTILINE)
    told = {int(code) for row in rows for code in row.split(",")}
    assert told == {0, 141, *(error.exit_code for error in every_error(NccliError))}


def every_error(root: type[NccliError]) -> list[type[NccliError]]:
    """A class of errors and all below it."""
    return [root, *(leaf for child in root.__subclasses__() for leaf in every_error(child))]
