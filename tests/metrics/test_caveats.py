"""What a number was measured from is said where it makes a difference."""

import numpy as np
import pytest

from nccli.metrics import ClassStatistics
from nccli.metrics.caveats import caveats


def said(counts: list[int], classes: list[int] | None = None, **more: object) -> str:
    """All remarks."""
    K = len(counts)
    found = ClassStatistics(
        np.array(counts), np.eye(K), None, np.zeros(K), None if classes is None else np.array(classes)
    )
    return "; ".join(caveats(found, **more))  # type: ignore[arg-type]


def test_an_ordinary_layer_needs_no_remark() -> None:
    assert said([5, 9, 2], weights=np.ones((3, 3))) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (said([1, 1, 1]), "0 by that alone"),
        (said([5, 1, 1]), "2 classes (1, 2) with one sample"),
        (said([5, 1], [0, 7], K=9), "class 7 with one sample"),
        (said([5, 4], [0, 7], K=9), "7 classes (1, 2, 3, 4, 5, …) of 9 without a sample"),
        (said([5, 4, 3], weights=np.ones((7, 3))), "7 rows are no classifier of 3 classes"),
    ],
)
def test_what_makes_a_difference_is_said(text: str, expected: str) -> None:
    assert expected in text


def test_a_classifier_with_rows_of_absent_classes_is_one() -> None:
    assert "classifier" not in said([5, 4], [0, 7], K=9, weights=np.ones((9, 2)))
