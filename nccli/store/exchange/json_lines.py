"""Runs as JSON lines, one a line, and back: nothing is lost, nothing is trusted."""

import base64
import json
from collections.abc import Iterator
from itertools import count
from typing import Any, Protocol

from nccli import strict_json
from nccli.errors import InputError
from nccli.store.exchange.portable import PORTABLE, unpacked
from nccli.store.exchange.untrusted import checked, columns, outward, reason, refuse_constant
from nccli.store.runs.content import RunContent
from nccli.store.schema.tables import RUN, TABLES

_MOST_BYTES = 256 * 2**20
"""Of one line: a run of the largest configurations is some tens of MiB."""


def as_line(content: RunContent) -> str:
    """One run as a line of JSON.

    Raises:
        ValueError: a block of it cannot be unpacked.
    """
    rows = {
        name: [{key: outward(PORTABLE[name], key, value) for key, value in row.items()} for row in found]
        for name, found in unpacked(content).items()
    }
    (run,) = rows["run"]
    return strict_json.dumps({**rows, "run": {name: run[name] for name in columns(RUN)}}) + "\n"


def as_damaged_line(content: RunContent) -> str:
    """What there is of a damaged run, as a line that can be mended by hand and imported."""
    try:
        found: dict[str, Any] = unpacked(content)
    except (ValueError, TypeError, LookupError):  # damage knows no bounds
        found = {"run": [{name: value for name, value in content.run.items() if name != "checksum"}]}
        found |= content.children
    found["run"] = found["run"][0]
    return json.dumps(strict_json.encodable(found), default=lambda raw: base64.b64encode(raw).decode()) + "\n"


class Lines(Protocol):
    """What lines are read from."""

    def readline(self, limit: int = -1, /) -> bytes:
        """The next line with its end, or the first bytes of a longer one; nothing at the end."""


def from_lines(lines: Lines, name: str) -> Iterator[RunContent]:
    """The runs of a file of JSON lines, checked column by column.

    Raises:
        InputError: a line that is too long, cannot be read, or is not what `as_line` writes.
    """
    for number in count(1):
        try:
            line = lines.readline(_MOST_BYTES + 1)
        except OSError as error:
            raise InputError(f"{name}, line {number}: cannot be read: {error.strerror}") from error
        if not line:
            return
        if len(line) > _MOST_BYTES:
            raise InputError(f"{name}, line {number}: longer than {_MOST_BYTES >> 20} MiB, which no run is")
        if not line.strip():
            continue
        try:
            fields = json.loads(line, parse_constant=refuse_constant)
            if not isinstance(fields, dict) or set(fields) != set(TABLES):
                raise ValueError(f"must be an object with keys {', '.join(TABLES)}")
            yield checked(fields)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise InputError(f"{name}, line {number}: no exported run: {reason(error)}") from error
