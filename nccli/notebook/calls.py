"""Commands as functions, each made of what its command declares."""

from collections.abc import Callable
from inspect import Parameter
from typing import Any

from nccli.cli.call import Records, call
from nccli.notebook.run_ids import run_ids
from nccli.notebook.signature import docstring, signature


def _function(command: str) -> Callable[..., Records]:
    """A function that runs a command and returns its records."""
    shape = signature(command)
    in_order = [each.name for each in shape.parameters.values() if each.kind is Parameter.POSITIONAL_OR_KEYWORD]

    def function(*values: Any, **options: Any) -> Records:
        if len(values) > len(in_order):
            names = ", ".join(in_order) or "none"
            raise TypeError(f"{function.__name__} takes {names} by position and {len(values)} values were given")
        for name, value in zip(in_order, values, strict=False):
            if name in options:
                raise TypeError(f"{function.__name__} got {name} twice")
            options[name] = value
        for name in _RUNS:
            if name in options:
                options[name] = run_ids(options[name])
        return call(command, options, level=2)

    function.__name__ = function.__qualname__ = command.replace("-", "_")
    function.__doc__ = docstring(command)
    function.__signature__ = shape  # type: ignore[attr-defined]  # what help and completion show
    return function


_RUNS = ("runs", "targets")
"""Arguments that name runs, for which records do as well."""

train_dufm = _function("train-dufm")
train_e2e = _function("train-e2e")
construct = _function("construct")
search = _function("search")
measure = _function("measure")
compare = _function("compare")
