"""Labels are taken as files have them, and what was done is said."""

from typing import Any

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.measure.labels import read_labels

CLASSES = np.array([2, 0, 1, 1, 0])
TAKEN: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "plain": (CLASSES, (0, 1, 2), ""),
    "a column": (CLASSES[:, None].astype(np.uint8), (0, 1, 2), ""),
    "from one": (CLASSES + 1, (1, 2, 3), "integers taken for 3 classes: 0 is 1, 1 is 2, 2 is 3"),
    "gaps": (np.array([900, 3, 17, 17, 3]), (3, 17, 900), "0 is 3, 1 is 17, 2 is 900"),
    "floats": (CLASSES.astype(np.float32), (0, 1, 2), "floats taken for 3 classes"),
    "one-hot": (np.eye(3)[CLASSES], (0, 1, 2), "one-hot rows taken for 3 classes"),
    "one-hot booleans": (np.eye(3, dtype=bool)[CLASSES], (0, 1, 2), "one-hot"),
    "strings": (np.array(["ant", "cat", "dog"])[CLASSES], ("ant", "cat", "dog"), "0 is 'ant', 1 is 'cat', 2 is 'dog'"),
    "bytes": (np.array([b"ant", b"cat", b"dog"])[CLASSES], ("ant", "cat", "dog"), "strings"),
}


@pytest.mark.parametrize(("given", "names", "said"), TAKEN.values(), ids=TAKEN)
def test_labels_of_any_kind_are_the_same_classes(given: Any, names: tuple[Any, ...], said: str) -> None:
    found = read_labels(given, "labels")
    np.testing.assert_array_equal(found.classes, CLASSES)
    assert found.names == names
    assert said in found.remark
    assert bool(said) == bool(found.remark)


def test_signs_and_truth_values_are_two_classes() -> None:
    np.testing.assert_array_equal(read_labels(np.array([1, -1, 1]), "y").classes, [1, 0, 1])
    np.testing.assert_array_equal(read_labels(np.array([True, False]), "y").classes, [1, 0])


def test_another_part_has_the_classes_of_the_first() -> None:
    train = read_labels(np.array([3, 17, 900]), "y")
    np.testing.assert_array_equal(read_labels(np.array([900, 3]), "y", train.names).classes, [2, 0])
    assert train.outputs == (3, 17, 900)
    assert read_labels(CLASSES, "y").outputs is None
    with pytest.raises(InputError, match="test label 5"):
        read_labels(np.array([3, 5]), "y", train.names)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.array([0.5, 1.0]), "no integers: 0.5"),
        (np.array([np.nan, 1.0]), "leave out samples without a class"),
        (np.array([[0.2, 0.8], [0.7, 0.3]]), r"argmax\(axis=1\)"),
        (np.array([0, 1, -100]), "label -100 is out of range"),
        (np.zeros((2, 2, 2), np.int64), "one number or string a sample"),
    ],
)
def test_what_is_no_class_is_refused_with_the_cure(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_labels(given, "labels")
