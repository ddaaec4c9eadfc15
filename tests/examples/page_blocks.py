"""Blocks of code of the pages that users read, and what each page says of how it is checked.

A fence names its language. A comment in the line above it may say more:

* `<!-- ci: run -->`: its commands are carried out, in their order, in a folder of the page's own.
* `<!-- ci: tour -->`: so they are, and a block of text behind it is what a terminal of 80 columns shows.
* `<!-- ci: main job -->`, `<!-- ci: tests -->`: `.ci/run` carries them out.
* `<!-- test: … -->`: a test of that name carries them out.
* `<!-- ci: unchecked: WHY -->`: nobody does.

All others are read: commands are parsed by the program itself and planned, or asked of a small store.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        *(page for place in ("examples", "examples/guide", ".github") for page in (ROOT / place).glob("*.md")),
    ]
)
LANGUAGES = ("sh", "python", "sql", "toml", "text")

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes:
        page, line: where it stands.
        language: of the fence.
        mark: what the comment above it says, or nothing.
        text: what is in it.
        shown: the text block that follows it with nothing between, or nothing.
    """

    page: Path
    line: int
    language: str
    mark: str
    text: str
    shown: str

    def __str__(self) -> str:
        """Its place."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_read(self) -> bool:
        """Whether nobody carries it out, and it is to be looked over."""
        return not self.mark.startswith(("ci: run", "ci: tour", "ci: tests", "ci: unchecked", "test: "))


def blocks(page: Path) -> Iterator[Block]:
    """Blocks of a page in their order."""
    text = page.read_text()
    found = list(_BLOCK.finditer(text))
    for block, after in zip_longest(found, found[1:]):
        adjacent = after is not None and not text[block.end() : after.start()].strip()
        yield Block(
            page,
            text.count("\n", 0, block.start()) + 1,
            block["language"],
            block["mark"] or "",
            block["text"],
            after["text"] if after is not None and adjacent and after["language"] == "text" else "",
        )


ALL = [block for page in PAGES for block in blocks(page)]
"""Every block of every page."""


def marked(word: str, language: str = "sh") -> list[Block]:
    """Blocks whose comment begins so."""
    return [block for block in ALL if block.language == language and block.mark.startswith(word)]
