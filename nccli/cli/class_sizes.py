"""`--class-counts` and `--imbalance`: classes of unequal sizes, the same in every command that has them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from nccli.cli import options as option
from nccli.errors import InputError

ClassCounts = Annotated[
    list[str] | None,
    typer.Option(
        "--class-counts",
        metavar="N1,N2,…",
        help="Samples of each of the K classes, in place of --n; repeated, one value each of a grid.",
        rich_help_panel=option.GRID,
        show_default=False,
    ),
]
Imbalance = Annotated[
    str | None,
    option.values(
        "--imbalance",
        "Step imbalance R >= 1: the first ⌈K/2⌉ classes have n samples each, the others max(1, round(n/R)).",
        shown=False,
    ),
]


def require_one_way(context: typer.Context, sizes: str) -> None:
    """Refuse sizes of classes that are given in two ways.

    Args:
        context: of the command, which knows what was given.
        sizes: name of the parameter that gives all classes one size.

    Raises:
        InputError: --class-counts is given together with that one, or with --imbalance.
    """
    given = {name for name in ("class_counts", sizes, "imbalance") if _was_given(context, name)}
    for other in (sizes, "imbalance"):
        if {"class_counts", other} <= given:
            raise InputError(f"--class-counts says how many samples each class has: leave out --{_dashed(other)}")


def parse_class_counts(texts: Sequence[str] | None) -> list[tuple[int, ...]] | None:
    """The values of --class-counts, one each time that it was given; None for never.

    Raises:
        InputError: a malformed list.
    """
    from nccli.theory import parse_counts

    return [parse_counts(text) for text in texts] if texts else None


def parse_imbalance(text: str | None) -> Sequence[float] | None:
    """The values of --imbalance; None where it was not given.

    Raises:
        InputError: a malformed list, or a ratio below 1.
    """
    from nccli.sweep import parse_floats
    from nccli.theory import step_imbalance

    ratios = None if text is None else parse_floats(text, "--imbalance")
    for ratio in ratios or ():
        _ = step_imbalance(2, 1, ratio)  # says what is wrong with it
    return ratios


def counts_options(class_counts: Sequence[int] | None) -> Mapping[str, Any]:
    """The options that give such classes again; none for classes of one size."""
    from nccli.theory import counts_text

    return {} if class_counts is None else {"class_counts": [counts_text(class_counts)], "n": None}


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _dashed(name: str) -> str:
    return name.replace("_", "-")
