"""Kinds of constructions: what is declared is what there is."""

from nccli.catalogue.runs import CONSTRUCTED_KINDS
from nccli.theory import FAMILIES


def test_every_kind_that_is_declared_can_be_constructed() -> None:
    assert set(FAMILIES) == set(CONSTRUCTED_KINDS)
