"""Tables fit 100 columns, closer where they have to."""

import json
from collections.abc import Iterator

import pytest

from nccli.cli import output
from nccli.cli.options import OutputFormat
from nccli.cli.output import Column, emit, plain, ranks_text, room_for
from nccli.cli.table_fit import ALWAYS, Extent, fitted, table_width


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
        ([5, 5, 5, 10], "5·5·5·10"),
        ([5, 5, 5, 5, 5, 9, 15], "5·5·5·5·5·9·15"),
        ([15, 5, 5, 5, 5, 9, 15], "15·5×4·9·15"),
        ([10] * 40, "10×40"),
    ],
)
def test_ranks_of_many_layers_are_counted(ranks: list[int], text: str) -> None:
    assert ranks_text(ranks) == text


@pytest.mark.parametrize("room", [10, 20, 30, 40, 60])
def test_on_a_terminal_the_least_important_columns_go_first(room: int) -> None:
    sizes = {0: (2, 12, ALWAYS), 1: (4, 6, 3), 2: (9, 4, 1), 3: (7, 20, 2), 4: (3, 3, 4)}
    columns = [Extent(i, head, text, cuts=i == 3, importance=each) for i, (head, text, each) in sizes.items()]
    widths, gap = fitted(columns, room)
    assert 0 in widths
    assert table_width(list(widths.values()), gap) <= room or list(widths) == [0]
    left_out = [each.importance for each in columns if each.place not in widths]
    assert all(importance < columns[i].importance for i in widths for importance in left_out)
    assert all(widths[i] >= columns[i].width for i in widths if i != 3)


def test_a_column_that_says_the_same_in_every_row_goes_before_any_other() -> None:
    columns = [Extent(0, 2, 4, importance=9, same=True), Extent(1, 2, 4), Extent(2, 2, 4)]
    assert list(fitted(columns, 9)[0]) == [1, 2]


def test_a_table_keeps_columns_that_show_something_and_no_line_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    records = [{"h0": "日本", "h1": "a\nb"}, {"h0": "x"}, {"h0": None, "h1": "c"}]
    emit(records, OutputFormat.table, OutputFormat.table, columns(3))
    assert capsys.readouterr().out == "  h0   h1\n─────────\n日本  a b\n   x\n        c\n"


@pytest.mark.parametrize("format", [OutputFormat.jsonl, OutputFormat.json, OutputFormat.csv, OutputFormat.ids])
def test_records_are_written_as_they_come(format: OutputFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    monkeypatch.setattr(output, "write_bytes", written.append)
    monkeypatch.setattr(output, "_AT_ONCE", 2)

    def coming() -> Iterator[dict[str, str]]:
        for i in range(6):
            assert len(written) >= i // 2
            yield {"id": f"run {i}"}

    emit(coming(), None, format, columns(1), keys=["id"])
    assert len(written) >= 3
    assert b"".join(written).count(b"run ") == 6


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_that_is_written_piece_by_piece_is_that_of_the_list(
    count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [{"id": i, "layers": [{"name": "a\nb"}, {}], "none": []} for i in range(count)]
    emit(records, OutputFormat.json, OutputFormat.json, columns(1))
    assert capsys.readouterr().out == json.dumps(records, indent=2) + "\n"
