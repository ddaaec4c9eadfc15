"""The first two commands of the README, in an empty folder."""

from tests.cli.command import Nccli
from tests.cli.conftest import Made


def test_the_first_training_needs_no_set_up_and_prints_one_id(first_steps: Made) -> None:
    (key,) = first_steps.ids
    assert len(key) == 12
    assert set(key) <= set("0123456789abcdef")
    assert first_steps.path.is_file()


def test_the_first_figure_needs_no_options(first_steps: Made) -> None:
    ended = Nccli(first_steps.path.parent)("plot rank-vs-wd")
    assert ended.out == "rank-vs-wd.pdf\n"
    assert (first_steps.path.parent / "rank-vs-wd.pdf").read_bytes().startswith(b"%PDF-")
