"""Column types that keep what SQLite and SQLAlchemy would lose."""

import json
import math
from typing import Any

from sqlalchemy import Double, Text
from sqlalchemy.types import TypeDecorator

from nccli import strict_json


class Real(TypeDecorator[float]):
    """A float that is always there: nan is stored as NULL and read as nan, ±inf as they are.

    NULL keeps SQL honest: nan satisfies no comparison and enters no average. A float that may be absent is a plain
    nullable column instead.
    """

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Any) -> float | None:
        """NULL for nan."""
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: float | None, dialect: Any) -> float:
        """Return nan for NULL."""
        return math.nan if value is None else value


class JsonText(TypeDecorator[Any]):
    """A JSON document as text, with non-finite numbers as strings, readable by SQLite's json_each."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        """Serialise with sorted keys."""
        return None if value is None else strict_json.dumps(value, sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        """Parse; numbers that were not finite stay strings."""
        return None if value is None else json.loads(value)
