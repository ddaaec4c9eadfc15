"""What help and completion show of a command as a function: derived from what the command declares."""

import ast
import keyword
import textwrap
from enum import Enum
from inspect import Parameter, Signature
from typing import Any

from nccli.cli.arguments import takes_list
from nccli.cli.call import Records, described

_WIDTH = 100
"""Columns of a docstring: a taste."""


def signature(command: str) -> Signature:
    """The signature: arguments and options that must be given by position or name, all others by name."""
    _, taken = described(command)
    first = [each for each in taken if each.required or each.param_type_name == "argument"]
    rest = [each for each in taken if each not in first]
    by_position, by_name = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY
    parameters = [
        Parameter(_name(each), kind, default=_default(each), annotation=_annotation(each))
        for some, kind in ((first, by_position), (rest, by_name))
        for each in some
    ]
    return Signature(parameters, return_annotation=Records)


def docstring(command: str) -> str:
    """What a command does and what each option means, in the words of its help."""
    text, taken = described(command)
    words = [(_name(each), " ".join(str(getattr(each, "help", None) or "").split())) for each in taken]
    lines = [
        textwrap.fill(
            f"{name}: {means}", _WIDTH, initial_indent="    ", subsequent_indent="        ", break_on_hyphens=False
        )
        for name, means in words
    ]
    about = f"Options, defaults and errors are those of `nccli {command}`. A list, range or array is a list of values."
    return "\n".join(
        [
            *(text.partition("\n\nExample: ")[0].split("\n")),
            "",
            *textwrap.wrap(about, _WIDTH),
            "",
            "Args:",
            *lines,
            "",
            "Returns:",
            "    The records that the command prints as JSON, nan and inf as floats.",
            "",
            "Raises:",
            "    nccli.errors.NccliError: as the command; `InputError` for what it cannot work with.",
            "    KeyboardInterrupt: Ctrl-C; what there was is stored, and the same call goes on from there.",
            "",
            "Warns:",
            "    nccli.errors.SomeRunsFailedWarning: some runs diverged or failed; their records say which.",
        ]
    )


def _name(parameter: Any) -> str:
    """The name on the command line, as Python writes one."""
    if parameter.param_type_name == "argument":
        return str(parameter.name)
    name = max(parameter.opts, key=len).strip("-").replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else str(name)


def _default(parameter: Any) -> Any:
    """A default as one would write it in Python; none for what must be given."""
    if parameter.required:
        return Parameter.empty
    value = parameter.default
    if isinstance(value, Enum):
        return value.value
    try:
        return ast.literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value


def _annotation(parameter: Any) -> Any:
    kind = parameter.type_descriptor.annotation
    if getattr(parameter, "is_flag", False):
        return bool
    if takes_list(parameter) or getattr(parameter, "multiple", False) or parameter.nargs == -1:
        taken: Any = float | str | list
    else:
        taken = kind if kind in (int, float) else str
    return taken | None if not parameter.required and parameter.default is None else taken
