"""The command reference of the README is that of the app."""

from pathlib import Path

import pytest

from nccli.cli.reference import main, with_reference

README = Path(__file__).parents[2] / "README.md"


def test_the_reference_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(README), "--check"]) == 0, capsys.readouterr().err


def test_a_stale_one_is_found_and_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = README.read_text()
    copy = tmp_path / "README.md"
    copy.write_text(text.replace("Weight decay λ of all layers", "Weight decay"))
    assert main([str(copy), "--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert main([str(copy)]) == 0
    assert copy.read_text() == text


def test_every_command_is_in_it() -> None:
    text = with_reference(README.read_text())
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
