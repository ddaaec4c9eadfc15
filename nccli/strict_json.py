"""JSON that every parser reads: floats round-trip exactly, non-finite numbers are the strings "nan", "inf", "-inf"."""

import json
import math
from typing import Any


def encodable(value: Any) -> Any:
    """Return the value with non-finite floats replaced by strings, in lists, tuples and dicts too."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, dict):
        return {key: encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encodable(item) for item in value]
    return value


def dumps(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """Serialise to JSON text; on one line unless `indent` is given."""
    try:  # most values need no replacement, which takes three times as long as the text
        return json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(encodable(value), indent=indent, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False)
