"""Which files a series has, in what order, and at which step each stands."""

from pathlib import Path

import pytest

from nccli.errors import InputError
from nccli.measure.checkpoints import Checkpoint, checkpoints, matching_files, natural_key, series_name


def named(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_numbers_in_names_are_ordered_as_numbers_and_names_as_words() -> None:
    names = ["run2/ep10.pt", "run2/ep9b.pt", "run10/ep1.pt", "run2/ep9.pt", "run2/best.pt", "run2/ep010.pt"]
    wanted = ["run2/best.pt", "run2/ep9.pt", "run2/ep9b.pt", "run2/ep010.pt", "run2/ep10.pt", "run10/ep1.pt"]
    assert [path.as_posix() for path in sorted(map(Path, names), key=natural_key)] == wanted


def test_patterns_and_names_give_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named(tmp_path, "ckpt/ep2.pt", "ckpt/ep10.pt", "ckpt/deep/ep1.pt", "ckpt/odd[1].pt")
    (tmp_path / "ckpt" / "epoch.pt").mkdir()
    found = matching_files(["ckpt/ep*.pt", "./ckpt/ep2.pt", "ckpt/odd[1].pt"], "--weights")
    assert [path.as_posix() for path in found] == ["ckpt/ep2.pt", "ckpt/ep10.pt", "ckpt/odd[1].pt"]
    assert len(matching_files(["**/ep*.pt"], "--weights")) == 3
    for pattern, said in (("ckpt/no*.pt", "no file matches"), ("none.pt", "no such file"), ("ckpt", "a folder")):
        with pytest.raises(InputError, match=said):
            matching_files([pattern], "--weights")


def test_steps_come_from_the_name_of_the_file_or_else_of_its_folder_or_from_the_order() -> None:
    paths = [Path("run7/ep2.pt"), Path("run7/ep10.pt")]
    assert checkpoints(paths, None, True) == [Checkpoint(paths[0], 1), Checkpoint(paths[1], 2)]
    assert [each.step for each in checkpoints(paths[::-1], r"(\d+)", False)] == [2, 10]
    assert checkpoints([Path("step-300/model.pt")], r"step-(\d+)", False)[0].step == 300
    assert checkpoints(paths[:1], None, False) == [Checkpoint(paths[0])]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("(", "not a regular"),
        ("ep", "0 groups"),
        (r"(e)(\d)", "2 groups"),
        ("x(1)", "finds nothing in"),
        ("(ep)", "'ep'"),
    ],
)
def test_an_expression_that_finds_no_step_is_refused(expression: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        checkpoints([Path("ckpt/ep2.pt")], expression, False)


def test_a_file_that_is_alone_in_a_series_needs_a_step() -> None:
    with pytest.raises(InputError, match="--step-from"):
        checkpoints([Path("last.pt")], None, True)


def test_a_series_that_nobody_named_is_called_by_its_pattern() -> None:
    assert series_name(["ckpt/ep*.pt"], [Path("ckpt/ep1.pt")]) == "ckpt/ep*.pt"
    assert series_name(["a, b/1.pt", "a, b/2.pt"], [Path("a, b/1.pt"), Path("a, b/2.pt")]) == "a b/*"
