"""What a release says of itself: one version, and the paper. What lies in it is checked by `.ci/run`."""

import re
import tomllib
from pathlib import Path

import nccli

ROOT = Path(__file__).parents[1]


def test_the_version_is_the_newest_of_the_changelog_and_the_one_that_is_cited() -> None:
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert newest is not None
    assert cited is not None
    assert newest[1] == cited[1] == nccli.__version__


def test_the_paper_is_cited_by_authors_title_year_and_number() -> None:
    text = (ROOT / "CITATION.cff").read_text()
    for name in ("Súkeník", "Lampert", "Mondelli"):
        assert f"family-names: {name}" in text
    assert '"Neural Collapse versus Low-rank Bias: Is Deep Neural Collapse Really Optimal?"' in text
    assert "year: 2024" in text
    assert "arXiv:2405.14468" in text
