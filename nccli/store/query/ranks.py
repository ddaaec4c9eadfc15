"""The rule of `nccli.metrics.numerical_rank` and which layers are hidden, in SQL; a test holds both to Python's."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from nccli.catalogue.stages import When
from nccli.metrics import ZERO_FLOOR


def counts(
    value: ColumnElement[float], largest: ColumnElement[float], rtol: float, floor: float = ZERO_FLOOR
) -> ColumnElement[bool]:
    """Whether a singular value counts towards the rank."""
    return and_(value > rtol * largest, value > floor)


def is_hidden(layer: ColumnElement[int], stage: ColumnElement[str], L: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a row of table `layer` or `singular_value` is of a hidden layer: `catalogue.stages.hidden_layers`."""
    return or_(
        and_(stage == When.POST.value, layer > 1, layer < L),
        and_(L == 2, stage == When.PRE.value, layer == 2),
    )
