"""Bad usage ends with exit code 2 and a line or two that name the value."""

from pathlib import Path

import pytest

from tests.cli.command import Ended, Nccli

REFUSED = {
    "bogus": "bogus",
    "construct": "--kind",
    "construct --kind dnc --K 10 --width 9": "9",
    "train-dufm --no-such": "--no-such",
    "train-dufm --K": "--K",
    "train-dufm --K ten": "ten",
    "train-dufm --K 1": "1",
    "train-dufm --K 4,,6": "4,,6",
    "train-dufm --K 6..4": "6..4",
    "train-dufm --wd -1e-3": "-0.001",
    "train-dufm --wd nan": "nan",
    "train-dufm --steps 1.5": "1.5",
    "train-dufm --format xml": "xml",
    "train-dufm --optimizer lbfgs": "lbfgs",
    "train-dufm --momentum 0.9": "momentum",
    "train-dufm --optimizer adam --momentum 1": "momentum",
    "train-dufm --schedule fast": "fast",
    "train-dufm --schedule step:2@0.5": "step:2@0.5",
    "train-dufm --collapse-tol 2": "collapse-tol",
    "train-dufm --collapse-tol 1e-3 --no-reduction": "--no-reduction",
    "train-dufm --refine --activation relu-eps": "refine",
    "train-dufm --refine --width 50000": "50000",
    "train-dufm --refine --polish": "not both",
    "train-dufm --until settled --schedule cosine": "--schedule constant",
    "train-dufm --until settled --optimizer adam": "adam has no time constant",
    "train-dufm --until whenever": "whenever",
    "train-dufm --store mysql://host/runs": "mysql",
    "compare --where no_such=1": "no_such",
    "compare --where wd": "wd",
    "compare --group-by loss": "loss",
    "compare --rank-rtol nan": "nan",
    "runs list --limit -1": "--limit",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("usage")


@pytest.fixture(scope="module")
def attempts(folder: Path) -> dict[str, Ended]:
    """All of them."""
    return Nccli(folder).all(REFUSED, code=None)


@pytest.mark.parametrize("line", REFUSED)
def test_bad_usage_is_refused_in_a_line_that_names_the_value(attempts: dict[str, Ended], line: str) -> None:
    ended = attempts[line]
    assert ended.code == 2, ended.err
    assert ended.out == ""
    errors = [text for text in ended.err.splitlines() if not text.startswith("note: ")]
    assert errors[0].startswith("nccli: ")
    assert len(errors) <= 2
    assert REFUSED[line] in ended.err


def test_bad_usage_leaves_nothing_behind(attempts: dict[str, Ended], folder: Path) -> None:
    assert attempts
    assert list(folder.iterdir()) == []


def test_a_gpu_that_is_not_there_is_bad_usage(run: Nccli) -> None:
    line = "train-dufm --K 4 --L 3 --n 1 --width 6 --steps 50 --device cuda --quiet"
    ended = run.apart(line, code=2, CUDA_VISIBLE_DEVICES="")
    assert ended.err.startswith("nccli: device 'cuda': ")
    assert ended.out == ""
