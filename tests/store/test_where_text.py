"""Conditions are written as --where reads them."""

import pytest

from nccli.store import parse_where, where_text


@pytest.mark.parametrize(
    "text",
    [
        "wd>=1e-3 and width=30 and kind=dufm",
        "(K=10 or K=15 and n=1) and not (status=diverged or seed=1) and seed not in (0, 1, 2)",
        "wd is not null and config.dataset=mnist and tag~'a b'",
        "tag='or' and tag~\"it's\" and tag=''",
    ],
)
def test_what_is_written_is_read_as_it_was(text: str) -> None:
    conditions = parse_where(text)
    assert parse_where(where_text(conditions)) == conditions
