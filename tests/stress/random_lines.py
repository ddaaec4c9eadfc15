"""Command lines drawn over all commands and options that the app declares, with values that fit and others."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import EnumMeta
from typing import Any

import typer

from nccli.catalogue.columns import QUERIED
from nccli.catalogue.figures import FIGURES
from nccli.cli.app import build_app
from tests.stress.hostile_folder import FILES

JUNK = (
    *("", " ", "-", "--", "x" * 300, "é" * 300, "nan", "inf", "-inf", "1e300", "1e-300", "-1", "0", "1e999", "0x10"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" * 400, "1_000", "١٢", "½", "1e", "+1"),
    *("\x1b[31mred\x1b[0m", "a\nb", "a\rb", "\x07", "\x7f", "\x9b2J", "\u202eabc", "\ufeff4", "🙂", "\udcff"),
    *(
        "1..1000000000",
        "1..",
        "..",
        "3..1",
        "1,,2",
        ",",
        "1:2:3",
        "1e-4..1e-2:5",
        "1..2:1000000000",
        "4,4",
        "1e3..1e9:3",
    ),
    *(
        "{}",
        '{"K": 4}',
        "[1, 2",
        "null",
        "'; DROP TABLE run; --",
        '" OR 1=1',
        "`ls`",
        "$(ls)",
        "%s%n",
        "{0}",
        "\\",
        "'",
    ),
    *("../../etc/passwd", "file:///etc/passwd", "sqlite://", "sqlite:///nccli.db", "postgresql://u:p@127.0.0.1:1/x"),
    *("mysql://127.0.0.1/x", "sqlite:///nccli.db?mode=ro", "true", "None", "os:system", "own:nothing", "own:failing"),
    *("own:network", "own", ":", "torch.nn:Linear", "(", "(" * 200, "[a-", "(a+)+$", "*", "rm -rf", "K=4", "constant"),
)
STDIN = (b"", b"\n", b"{}\n", b"\xff\xfe\x00", b"\x1b[31m\n", b"y\n", b"0" * 12 + b"\n", b"x" * 100_000)
BOUNDED = {
    "train-dufm": ("--K", "4", "--L", "3", "--n", "2", "--width", "8", "--steps", "50"),
    "train-e2e": (
        *("--dataset", "images.npz", "--no-download", "--backbone", "mlp", "--epochs", "1"),
        *("--L", "2", "--width", "8"),
    ),
    "construct": ("--kind", "dnc", "--K", "4", "--L", "3"),
    "measure": ("--no-download",),
    "search": ("--K", "2", "--L", "3", "--descents", "0", "--budget", "0.1"),
}
"""What a line begins with, so that what is not drawn ends within a second; what is drawn later counts."""

LENGTHS = ("--steps", "--epochs", "--time-constants")
"""A large value of these is no fault, and takes its time."""

LEFT_OUT = ("--compile", "--show", "--install-completion", "--together", "--budget")
"""Compilers, viewers, the user's shell, minutes of searching."""

FITTING: dict[str, tuple[str, ...]] = {
    "--K": ("4", "3,4", "2..5", "6"),
    "--L": ("2", "3", "2,3", "4"),
    "--n": ("1", "2", "1,3"),
    "--width": ("8", "6,8", "neurips", "4.5"),
    "--wd": ("4e-3", "1e-3,2e-3", "1e-4..1e-2:3"),
    "--wd-layers": ("1e-3,1e-3,1e-3", "1e-3"),
    "--lr": ("0.5", "0.1,0.2", "1e6"),
    "--seed": ("0", "0..2", "5"),
    "--steps": ("1", "50", "10"),
    "--epochs": ("1",),
    "--time-constants": ("0.01",),
    "--schedule": ("linear", "cosine", "step:0.1@0.5", "step"),
    "--variant": ("blocks", "truncated", "disjoint", "identity"),
    "--graph": ("square", "petersen", "0-1,1-2", "complete-5"),
    "--dataset": ("digits", "images.npz", "folder", "mnist"),
    "--backbone": ("mlp", "small-cnn", "own:network"),
    "--model": ("own:network", "own:nothing", "own:failing", "torch.nn:Identity"),
    "--layers": ("0", "1|3", "."),
    "--weights": ("good.pt", "good.safetensors", "cut.pt"),
    "--rank-rtol": ("1e-3", "0.1", "0"),
    "--group-by": ("wd", "K,kind", "config.lr", "seed,width"),
    "--store": ("nccli.db", "second.db", "new.db", "link"),
    "--into": ("nccli.db", "second.db", "new.db"),
    "--output": ("o.svg", "o.pdf", "o.png", "o.jsonl", "out", "-"),
    "--data": ("o.csv", "o.json"),
    "--export": ("o.npz", "o.pt", "o.safetensors"),
    "source": ("all.jsonl", "exported", "-"),
    "sources": ("second.db", "other.db"),
    "file": ("copy.db", "second.db"),
    "name": tuple(FIGURES),
    "targets": ("good.npz", "good.pt", "good.safetensors"),
}
"""By option or argument; what is not here is drawn by its type."""

COMPANIONS = {
    "measure --weights": ("--model", "own:network"),
    "measure --layers": ("--model", "own:network"),
    "runs rm --quiet": ("--yes",),
    "runs rm --where": ("--yes",),
    **{f"compare --{name}": ("--theory",) for name in ("K", "L", "n", "wd", "wd-h1", "wd-layers")},
    **{f"plot --{name}": ("loss-ratio",) for name in ("K", "L", "n", "wd")},
    "construct --graph": ("--kind", "graph"),
    "construct --s": ("--kind", "bipartition", "--K", "6"),
}
"""What some options are nothing without, by command and option."""

NUMBERS = {int: ("0", "1", "2", "3"), float: ("0", "0.5", "1e-3", "2", "0.9")}


@dataclass(frozen=True)
class Line:
    """A command line: the command as its help names it, the arguments after `nccli`, and stdin."""

    command: str
    arguments: list[str]
    stdin: bytes


def commands() -> dict[tuple[str, ...], list[Any]]:
    """The parameters of every command of the app."""
    return dict(_walk(typer.main.get_command(build_app()), ()))


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    for name, each in getattr(command, "commands", {}).items():
        yield from _walk(each, (*path, name))
    yield path, command.params


class Lines:
    """Draws command lines.

    Args:
        ids: of runs in the store.
        rng: where chance comes from.
    """

    def __init__(self, ids: list[str], rng: random.Random) -> None:
        self._ids, self._rng = ids, rng
        self._junk = rng.choice((0, 0.03, 0.2))

    def line(self, path: tuple[str, ...], parameters: list[Any]) -> Line:
        """A line of a command."""
        rng = self._rng
        declared = [each for each in parameters if each.opts[0].startswith("-")]
        drawn = rng.sample(declared, min(len(declared), rng.choice((0, 1, 2, 3, 4, 6))))
        name = " ".join(path)
        parts = [self._option(option) for option in drawn if not {*option.opts} & {*LEFT_OUT}]
        also = {COMPANIONS.get(f"{name} {max(option.opts, key=len)}", ()) for option in drawn}
        parts += [list(each) for each in sorted(also) if rng.random() < 0.8]
        if rng.random() < self._junk:
            parts.append([rng.choice(("--no-such-option", "--help", "-h", "-x", "--", *JUNK))])
        given = [
            self._value(argument.name, argument)
            for argument in parameters
            if argument not in declared
            for _ in range(rng.choice((0, 1, 1, 1) if argument.nargs == 1 else (argument.required, 1, 2)))
        ]
        for i, place in enumerate(sorted(rng.choices(range(len(parts) + 1), k=len(given)))):
            parts.insert(place + i, [given[i]])
        arguments = [*path, *BOUNDED.get(name, ()), *(part for group in parts for part in group)]
        if arguments and rng.random() < self._junk / 4:
            arguments.pop(rng.randrange(len(arguments)))
        return Line(name, arguments, self._stdin())

    def _stdin(self) -> bytes:
        return self._rng.choice((*STDIN, "\n".join(self._ids).encode(), "\n".join(self._ids[:2]).encode()))

    def _option(self, option: Any) -> list[str]:
        name = self._rng.choice([*option.opts, *option.secondary_opts])
        if option.is_flag:
            return [name]
        value = self._value(max(option.opts, key=len), option)
        return [f"{name}={value}"] if name.startswith("--") and self._rng.random() < 0.2 else [name, value]

    def _value(self, name: str, parameter: Any) -> str:
        rng, kind = self._rng, parameter.type_descriptor.annotation
        if name in LENGTHS:
            return rng.choice((*FITTING[name], "0", "-1", "x", "1e3", ""))
        if rng.random() < self._junk:
            return rng.choice(JUNK)
        if name == "--where":
            return self._condition()
        if name == "runs" or (name == "targets" and rng.random() < 0.5):
            return rng.choice((*self._ids, self._ids[1][:5], "0", "-"))
        if rng.random() < 3 * self._junk and kind not in NUMBERS:
            return rng.choice(FILES)
        if name in FITTING:
            return rng.choice(FITTING[name])
        if isinstance(kind, EnumMeta):
            return str(rng.choice(list(kind)).value)  # type: ignore[attr-defined]  # members of a string enumeration
        return rng.choice(NUMBERS.get(kind, FILES))

    def _condition(self) -> str:
        rng = self._rng
        junk = JUNK if rng.random() < self._junk else ()
        column = rng.choice(junk or (*(each.name for each in QUERIED), "config.lr", "config.nothing", "final.dnc1"))
        value = rng.choice(junk or ("4", "1e-3", "dufm", "null", "'x'", "(3, 4)", "ti"))
        simple = f"{column}{rng.choice(('=', '>', '>=', '!=', ' in ', '~', ' is ', ' '))}{value}"
        return rng.choice((simple, f"{simple} and K=4", f"not ({simple})", f"({simple}) or L>2", f"{simple} and"))
