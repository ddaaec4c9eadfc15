"""From names and values to the arguments of a command, by what the command itself says that it takes."""

import difflib
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nccli.errors import InputError

if TYPE_CHECKING:
    from typer.core import TyperArgument, TyperCommand, TyperOption

_SHOWN = 40
"""A taste: characters of a wrong value that an error shows."""

_TYPES: Mapping[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int, str), "an integer"),
    float: ((float, int, str), "a number"),
}
"""Of options of these types, what they are given as, and in words; all others take numbers, texts and paths."""


def arguments(command: str, options: Mapping[str, Any]) -> list[str]:
    """The arguments after `nccli` that give a command these options.

    Args:
        command: its name, as "train-dufm", "train_dufm" or "runs list".
        options: by name as on the command line, with - or _ between words; `from_` is --from. None is not given. A
            list, tuple, range or array is a value list, or an option repeated, whichever the option takes; a mapping is
            key=value,…; true and false are for flags, and choose one of a pair as --reduction/--no-reduction. Floats
            keep all their digits. Arguments without dashes go by their names (`runs`).

    Returns:
        The command's name, and its arguments in the order of the options.

    Raises:
        InputError: no such command or option, one given twice, or a value that is none for it.
    """
    path, known = command_path(command), parameters(command)
    given: dict[str, Any] = {}
    named, bare = list[str](), list[str]()
    for name, value in options.items():
        parameter, inverted = _find(known, name, command)
        if parameter.name in given:
            raise InputError(
                f"{command}: {_label(parameter)} is given twice, as '{given[parameter.name]}' and '{name}'"
            )
        given[parameter.name] = name
        plain = _plain(value)
        if plain is None:
            continue
        if _is_option(parameter):
            named += _option(parameter, (not plain) if inverted and isinstance(plain, bool) else plain)
        else:
            bare += _repeated(parameter, plain)
    if any(text.startswith("-") and text != "-" for text in bare):
        bare.insert(0, "--")
    return [*path, *named, *bare]


def command_line(command: str, options: Mapping[str, Any]) -> str:
    """The same as one line for a shell.

    Raises:
        InputError: as `arguments`.
    """
    return shlex.join(["nccli", *arguments(command, options)])


@cache
def commands() -> "Mapping[str, TyperCommand]":
    """Every command by its name, those of groups as "runs list"."""
    import typer

    from nccli.cli.app import build_app

    def below(path: tuple[str, ...], command: Any) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield " ".join(path), command
        for name, each in (inner or {}).items():
            yield from below((*path, name), each)

    return dict(below((), typer.main.get_command(build_app())))


@cache
def command_path(command: str) -> tuple[str, ...]:
    """The words that name a command.

    Raises:
        InputError: none has that name.
    """
    name = " ".join(command.replace("_", "-").split())
    if name not in commands():
        raise InputError(f"nccli has no command '{command}'{nearest(name, commands())}")
    return tuple(name.split())


@cache
def parameters(command: str) -> "Mapping[str, TyperOption | TyperArgument]":
    """What a command takes, by names as on the command line, without dashes: "wd-h1", "no-reduction", "runs".

    Raises:
        InputError: no such command.
    """
    found: dict[str, Any] = {}
    for parameter in commands()[" ".join(command_path(command))].params:
        for name in (*parameter.opts, *parameter.secondary_opts, str(parameter.name)):
            found.setdefault(_dashed(name), parameter)
    return found


def written(command: str, name: str, value: Any) -> tuple[str, Any]:
    """An option by the name that the command writes first, without dashes, and its value: ("wd-h1", 1) for wd_h1 = 1.

    Raises:
        InputError: no such command or option.
    """
    parameter, inverted = _find(parameters(command), name, command)
    return _dashed(_label(parameter)), not value if inverted and isinstance(value, bool) else value


def _find(
    known: "Mapping[str, TyperOption | TyperArgument]", name: str, command: str
) -> "tuple[TyperOption | TyperArgument, bool]":
    """A parameter by its name, and whether that is the name of its opposite."""
    wanted = _dashed(name)
    if wanted not in known:
        shown = {_dashed(_label(each)): None for each in known.values() if not getattr(each, "hidden", False)}
        raise InputError(f"{command} has no option '{name}'{nearest(wanted, shown)}")
    parameter = known[wanted]
    return parameter, wanted in map(_dashed, parameter.secondary_opts)


def _dashed(name: str) -> str:
    return name.replace("_", "-").strip("-")


def nearest(name: str, names: Iterable[str]) -> str:
    """Whichever of the names may have been meant, in words that follow those that there is none."""
    alike = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(name.casefold(), alike, n=1)
    return f": did you mean '{alike[near[0]]}'?" if near else f"; it has {', '.join(alike.values()) or 'none'}"


def _label(parameter: "TyperOption | TyperArgument") -> str:
    """A parameter as the user knows it."""
    return max(parameter.opts, key=len) if _is_option(parameter) else str(parameter.name)


def _is_option(parameter: "TyperOption | TyperArgument") -> bool:
    return parameter.param_type_name == "option"


def _plain(value: Any) -> Any:
    """Numbers, texts, mappings and lists of Python, for what arrays and scalars of others hold."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if callable(convert := getattr(value, "tolist", None)):  # NumPy's doubles are floats too, of another repr
        return _plain(convert())
    if isinstance(value, (str, bool, int, float, bytes, range)) or value is None:
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return [_plain(each) for each in value] if isinstance(value, Sequence) else value


def _option(parameter: Any, value: Any) -> list[str]:
    """What gives an option a value."""
    flag = _label(parameter)
    if parameter.is_flag:
        if not isinstance(value, bool):
            raise _refused(parameter, value)
        opposite = [max(parameter.secondary_opts, key=len)] if parameter.secondary_opts else []
        return [flag] if value else opposite
    if parameter.multiple:
        return [text for each in _repeated(parameter, value) for text in (flag, each)]
    return [flag, _text(parameter, value)]


def _repeated(parameter: Any, value: Any) -> list[str]:
    """A text for each time that an option or argument is given; of --wd-layers, numbers in a row are one value."""
    if not isinstance(value, (list, range)):
        return [_text(parameter, value)]
    _require_some(parameter, value)
    if takes_list(parameter) and all(isinstance(each, (int, float)) for each in value):
        return [_text(parameter, value)]
    return [_text(parameter, each) for each in value]


def _text(parameter: Any, value: Any) -> str:
    """One value as the command line has it."""
    from nccli.cli.options import LIST

    if isinstance(value, Mapping) and "=" in (parameter.metavar or ""):
        return ",".join(f"{key}={_one(parameter, each)}" for key, each in value.items())
    if isinstance(value, (list, range)) and takes_list(parameter):
        _require_some(parameter, value)
        if _is_run_of_integers(value) and parameter.metavar == LIST:
            return f"{value[0]}..{value[-1]}"
        return ",".join(_one(parameter, each) for each in value)
    return _one(parameter, value)


def _is_run_of_integers(values: Sequence[Any]) -> bool:
    """Whether a..b says the same, and says it shorter."""
    if isinstance(values, range):
        return values.step == 1 and len(values) > 2
    if len(values) < 3 or any(type(each) is not int for each in values):
        return False
    return all(after == before + 1 for before, after in pairwise(values))


def _one(parameter: Any, value: Any) -> str:
    types, _ = _TYPES.get(parameter.type_descriptor.annotation, ((str, int, float), ""))
    if not isinstance(value, types) or isinstance(value, bool):
        raise _refused(parameter, value)
    return repr(value) if isinstance(value, float) else str(value)


def takes_list(parameter: Any) -> bool:
    """Whether its value is a list with commas."""
    from nccli.cli.options import LIST

    return parameter.metavar is not None and (parameter.metavar == LIST or "," in parameter.metavar)


def _require_some(parameter: Any, value: Sequence[Any]) -> None:
    if not value:
        raise InputError(f"{_label(parameter)}: an empty list has no value; leave it out for its default")


def _refused(parameter: Any, value: Any) -> InputError:
    usual = "a value or a list of them" if takes_list(parameter) or parameter.multiple else "a value"
    _, taken = _TYPES.get(parameter.type_descriptor.annotation, ((), usual))
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return InputError(f"{_label(parameter)}: {shown} ({type(value).__name__}) is not what it takes, {taken}")
