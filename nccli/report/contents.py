"""What a report says, before it is a page: plain text throughout, which the page escapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Heading:
    """A column of a table.

    Attributes:
        title: above it.
        left: whether it is aligned left, as words are.
    """

    title: str
    left: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        headings: of its columns.
        rows: a text a column.
    """

    headings: Sequence[Heading]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Run:
    """A line of the table of runs, and what a click shows.

    Attributes:
        id: of the run.
        cells: a text a column.
        sort: by column, the number that it is ordered by where its text does not say it in full.
        settings: options of the run, as texts by name.
        command: what makes it again; "" where no command does.
        layers: a text a column of the table of layers.
    """

    id: str
    cells: Sequence[str]
    sort: Mapping[int, float]
    settings: Mapping[str, str]
    command: str
    layers: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        name: in the catalogue of figures.
        summary: what it shows.
        markup: SVG or an image, safe to stand in a page.
        command: that draws it again.
        notes: what was left out.
    """

    name: str
    summary: str
    markup: str
    command: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Contents:
    """All of a report.

    Attributes:
        title: of the page.
        about: lines below it.
        outcomes: how many runs came to which outcome.
        settings: options and their values: name, of how many values, and these.
        pictures: the figures that the runs have.
        undrawn: why other figures are not there, by name.
        columns: of the table of runs.
        layer_columns: of their layers.
        runs: line by line.
        commands: that make it all again, in order; a line that begins with # is a remark.
    """

    title: str
    about: Sequence[str]
    outcomes: Table
    settings: Table
    pictures: Sequence[Picture]
    undrawn: Mapping[str, str]
    columns: Sequence[Heading]
    layer_columns: Sequence[Heading]
    runs: Sequence[Run]
    commands: Sequence[str] = field(default=())
