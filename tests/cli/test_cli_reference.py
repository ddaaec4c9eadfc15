"""What the guide has from the code is as the code has it."""

from pathlib import Path

import pytest

from nccli.cli.reference import PARTS, main, parts_of, with_reference

GUIDE = Path(__file__).parents[2] / "examples" / "guide"


def test_the_guide_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(GUIDE), "--check"]) == 0, capsys.readouterr().err


def test_every_part_stands_once() -> None:
    assert sorted(name for page in GUIDE.glob("*.md") for name in parts_of(page.read_text())) == sorted(PARTS)


def test_a_stale_one_is_found_and_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (GUIDE / "commands.md").read_text()
    copy = tmp_path / "commands.md"
    copy.write_text(text.replace("Weight decay λ of all layers", "Weight decay"))
    assert main([str(tmp_path), "--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    assert copy.read_text() == text


def test_a_page_with_nothing_from_the_code_says_where_that_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("# nccli\n")
    assert main([str(tmp_path / "README.md")]) == 1
    assert "examples/guide" in capsys.readouterr().err


def test_a_part_that_does_not_end_is_refused() -> None:
    text = (GUIDE / "figures.md").read_text()
    with pytest.raises(ValueError, match="figures: end"):
        with_reference(text.replace("<!-- figures: end -->", ""))


def test_every_command_is_in_it() -> None:
    text = with_reference((GUIDE / "commands.md").read_text())
    for command in (
        "construct",
        "train-dufm",
        "compare",
        "plot",
        "runs rm",
        "runs import",
        "store merge",
        "store check",
    ):
        assert f"<code>nccli {command}</code>" in text
