"""One root of all errors, and a leaf for each exit code (design sheet, section 2)."""

import inspect
import re

import pytest

from nccli import errors
from nccli.errors import InputError, InterruptedRunError, NccliError, StoreError, StoreVersionError, TerminatedRunError

EXIT_CODES = {
    1: "NccliError",
    2: "InputError",
    3: "NothingFoundError",
    4: "SomeRunsFailedError",
    5: "StoreError",
    6: "StoreVersionError",
    130: "InterruptedRunError",
    143: "TerminatedRunError",
}
CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}
ERRORS = {name: kind for name, kind in CLASSES.items() if not issubclass(kind, Warning)}


def test_every_exit_code_has_its_error_and_every_error_its_code() -> None:
    assert {kind.exit_code: name for name, kind in ERRORS.items()} == EXIT_CODES
    assert len(ERRORS) == len(EXIT_CODES)


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_comes_from_the_root_and_says_what_it_means(name: str) -> None:
    kind = ERRORS[name]
    assert issubclass(kind, NccliError)
    assert kind.__doc__
    assert str(kind("the value, the rule, the way out")) == "the value, the rule, the way out"


def test_the_root_is_no_other_kind_of_error() -> None:
    assert NccliError.__bases__ == (Exception,)


def test_special_cases_are_caught_as_what_they_are_a_case_of() -> None:
    assert issubclass(StoreVersionError, StoreError)
    assert issubclass(TerminatedRunError, InterruptedRunError)
    assert issubclass(InputError, ValueError)
    assert not issubclass(InterruptedRunError, KeyboardInterrupt)


def test_the_tree_drawn_at_the_top_of_the_file_is_the_tree() -> None:
    drawn = re.findall(r"^(.*?)(\w+Error)\s+(\d+)", errors.__doc__ or "", flags=re.MULTILINE)
    assert {name: int(code) for _, name, code in drawn} == {name: kind.exit_code for name, kind in ERRORS.items()}
    path: dict[int, str] = {}
    for indent, name, _ in drawn:
        depth = len(indent) // 4
        path[depth] = name
        if depth:
            assert ERRORS[name].__bases__[0].__name__ == path[depth - 1]


def test_a_warning_says_what_it_means_and_is_no_error() -> None:
    for kind in set(CLASSES.values()) - set(ERRORS.values()):
        assert issubclass(kind, UserWarning)
        assert kind.__doc__
