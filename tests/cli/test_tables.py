"""Tables fit 100 columns, closer where they have to."""

import pytest

from nccli.cli.options import OutputFormat
from nccli.cli.output import Column, emit, plain, ranks_text, room_for


def columns(count: int) -> list[Column]:
    """Columns that show a record's entries."""
    return [Column(f"h{i}", plain(f"h{i}")) for i in range(count)]


def record(count: int, width: int) -> dict[str, str]:
    """Entries of that many characters."""
    return {f"h{i}": "x" * width for i in range(count)}


@pytest.mark.parametrize(("count", "gap"), [(12, 2), (14, 1)])
def test_columns_move_together_where_the_table_would_not_fit(
    count: int, gap: int, capsys: pytest.CaptureFixture[str]
) -> None:
    emit([record(count, 6)], OutputFormat.table, OutputFormat.table, columns(count))
    _, rule, row = capsys.readouterr().out.splitlines()
    assert row == (" " * gap).join(["x" * 6] * count)
    assert len(rule) == len(row) <= 100


@pytest.mark.parametrize(("count", "width", "room"), [(10, 6, 20), (12, 6, 16), (14, 6, 9), (3, 0, 88)])
def test_a_last_column_gets_the_room_that_is_left(count: int, width: int, room: int) -> None:
    assert room_for([record(count, width)], columns(count), least=9) == room


@pytest.mark.parametrize(
    ("ranks", "text"),
    [
        ([], ""),
        ([5, 5, 5, 10], "5 5 5 10"),
        ([5, 5, 5, 5, 5, 9, 15], "5 5 5 5 5 9 15"),
        ([15, 5, 5, 5, 5, 9, 15], "15 5×4 9 15"),
        ([10] * 40, "10×40"),
    ],
)
def test_ranks_of_many_layers_are_counted(ranks: list[int], text: str) -> None:
    assert ranks_text(ranks) == text
