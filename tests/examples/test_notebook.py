"""The example for notebooks runs as it is, with fewer steps."""

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "notebook.py"


def test_a_sweep_a_frame_and_a_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUICK", "1")
    found = runpy.run_path(str(EXAMPLE), run_name="__main__")
    out, err = capsys.readouterr()
    assert (len(found["runs"]), list(found["means"].columns)) == (6, [1e-3, 2e-3, 4e-3])
    assert out.startswith("6 runs, loss 0.")
    assert err == ""
    assert (tmp_path / "spectra.png").read_bytes().startswith(b"\x89PNG")
