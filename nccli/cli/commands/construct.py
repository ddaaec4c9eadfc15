"""`nccli construct`."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.catalogue.options import ActivationName, ObjectiveName
from nccli.catalogue.runs import CONSTRUCTED_KINDS
from nccli.cli import options as option
from nccli.cli.class_sizes import ClassCounts, Imbalance, require_one_way
from nccli.cli.notes import note
from nccli.cli.run_command import as_asked, construct_command
from nccli.errors import InputError
from nccli.outputs import Output

if TYPE_CHECKING:
    from nccli.theory import Solution


ClosedActivation = StrEnum("ClosedActivation", [(each, each) for each in (ActivationName.RELU, ActivationName.LINEAR)])  # type: ignore[misc]  # not literal
Kind = StrEnum("Kind", [(kind, kind) for kind in (*CONSTRUCTED_KINDS, "best")])  # type: ignore[misc]  # not literal


def construct(
    context: typer.Context,
    kind: Annotated[
        Kind,
        typer.Option("--kind", help="The solution; best is the best known, from the store, a search or closed form."),
    ],
    K: Annotated[
        str | None,
        typer.Option(
            "--K",
            metavar="LIST",
            help="Number of classes. [default: 10; those of --graph]",
            show_default=False,
            rich_help_panel=option.GRID,
        ),
    ] = None,
    L: option.L = "4",
    n: option.n = "10",
    class_counts: ClassCounts = None,
    imbalance: Imbalance = None,
    width: Annotated[
        str | None,
        typer.Option(
            "--width",
            metavar="LIST",
            help="Width d. [default: 30, more where needed]",
            show_default=False,
            rich_help_panel=option.GRID,
        ),
    ] = None,
    wd: option.Wd = "4e-3",
    objective: option.Loss = ObjectiveName.MSE.value,
    activation: Annotated[
        str,
        option.words("--activation", ClosedActivation, "σ: {}; in linear networks SRG and graphs keep T to the end."),
    ] = ActivationName.RELU.value,
    wd_h1: option.WdH1 = None,
    wd_layers: option.WdLayers = None,
    variant: Annotated[
        str | None,
        typer.Option(
            "--variant",
            help="srg: blocks or truncated (Definition 11); graph: disjoint, identity or positive. [default: the best]",
            show_default=False,
        ),
    ] = None,
    graph: Annotated[
        str | None,
        typer.Option(
            "--graph",
            metavar="NAME|EDGES|SETS",
            help="With --kind graph: square, complete-5, petersen, 0-1,1-2,0-2, …; with hypergraph {0},{1},{0,1}, …",
            show_default=False,
        ),
    ] = None,
    s: Annotated[int | None, typer.Option("--s", help="With --kind bipartition. [default: the best]")] = None,
    rank: Annotated[
        int | None, typer.Option("--rank", help="With --kind frame: neurons that it takes.", show_default=False)
    ] = None,
    export: Annotated[
        str | None,
        typer.Option("--export", metavar="FILE.npz", help="Write all matrices of the point.", show_default=False),
    ] = None,
    tag: option.Tag = None,
    store: option.StoreLocation = None,
    format: option.Format = None,
    force: option.Force = False,
    dry_run: option.DryRun = False,
    quiet: option.Quiet = False,
) -> None:
    """Build a solution: DNC, SRG, graphs, pairs, frames.

    Stores its losses, metrics and spectra by layer, class means and, up to 64 KiB, its weights.

    Example: nccli construct --kind srg --K 6,10,15 --L 3..6
    """
    from nccli.cli.problems import problem_grid
    from nccli.store import store_file
    from nccli.sweep import parse_integers, require_room
    from nccli.theory import BEST, check_options, classes_of, solve_kind

    output = None
    if export is not None:
        output = Output("--export", Path(export), store_file(store), (".npz",))
        output.require()
    options = {
        "variant": variant,
        "graph": graph,
        "s": s,
        "rank": rank,
    }
    given = {name: value for name, value in options.items() if value is not None}
    check_options(kind.value, given)
    classes = str(classes_of(kind.value, given)) if K is None else K
    require_one_way(context, "n")
    grid = problem_grid(
        *(classes, L, n, wd, wd_h1, wd_layers), objective, activation, class_counts=class_counts, imbalance=imbalance
    )
    widths = None if width is None else parse_integers(width, "--width")
    planned = [
        (solution, d)
        for solution in (solve_kind(problem, kind.value, given) for problem in grid.problems())
        for d in (widths or (max(30, solution.construction.min_width),))
    ]
    for solution, d in planned:
        solution.require_width(d)
        if not dry_run:
            require_room(solution, d)
        _explain(solution, quiet)
    if output is not None and len(planned) != 1:
        raise InputError(f"--export writes one point and the grid has {len(planned)}: name one value for each option")
    if dry_run:
        if kind.value == BEST:
            from nccli.cli.best_known import note_recipes

            note_recipes([solution.problem for solution, _ in planned], quiet)
        _show_plan(planned, as_asked(context), format)
        return
    better = _better_runs(planned, widths, store, force, quiet) if kind.value == BEST else {}
    if output is not None:
        _export(output, planned[0], better.get(planned[0]), store)
    _store_points(planned, better, store, force, tag, format)


def _explain(solution: "Solution", quiet: bool) -> None:
    label, L = solution.construction.label, solution.problem.L
    if solution.trivial:
        note(f"{label}, L = {L}: every non-zero scale is worse than zero, so its optimum is the trivial point", quiet)
    elif solution.problem.counts is None and any(block.trivial for block in solution.blocks):
        note(f"{label}, L = {L}: one block is better off at zero, and is zero", quiet)
    if solution.construction.note:
        note(f"{label}: {solution.construction.note}", quiet)


def _better_runs(
    planned: "Sequence[tuple[Solution, int]]", widths: Sequence[int] | None, store: str | None, force: bool, quiet: bool
) -> "dict[tuple[Solution, int], str]":
    """Of constructions those that a stored run, or what a recipe leads to, is better than, and its id."""
    from nccli.cli.best_known import better_runs
    from nccli.store import Store, store_location

    target = Store.create(store_location(store))
    found: dict[tuple[Solution, int], str] = {}
    for width in widths or (None,):
        closed = [solution for solution, d in planned if width in (None, d)]
        runs = better_runs(closed, width, target, force, quiet)
        found |= {
            each: runs[each[0].problem] for each in planned if width in (None, each[1]) and each[0].problem in runs
        }
    return found


def _export(output: Output, point: "tuple[Solution, int]", run: str | None, store: str | None) -> None:
    """Write H_1, W_l, and class means by layer and stage (all d × columns, as in the paper) to an .npz file."""
    from nccli.cli.opened import open_store
    from nccli.sweep import export_point, export_run

    with output.open() as file:
        if run is None:
            export_point(file, *point)
        else:
            export_run(file, open_store(store), run)


def _show_plan(
    planned: "Sequence[tuple[Solution, int]]", asked: Mapping[str, Any], format: option.OutputFormat | None
) -> None:
    from nccli.cli.output import Column, emit, number, plain
    from nccli.store import run_id
    from nccli.sweep import construction_config

    records = (
        {
            "id": run_id(solution.construction.kind, construction_config(solution, d)),
            "kind": solution.construction.kind,
            "construction": solution.construction.label,
            **{name: getattr(solution.problem, name) for name in ("K", "L", "n")},
            "width": d,
            "loss": solution.loss,
            "trivial": solution.trivial,
            "command": construct_command(solution, d, asked),
        }
        for solution, d in planned
    )
    columns = [Column(name, plain(name)) for name in ("id", "construction", "K", "L", "n", "width", "trivial")]
    emit(records, format, option.OutputFormat.ids, [*columns, Column("loss", number("loss", 6))])


def _store_points(
    planned: "Sequence[tuple[Solution, int]]",
    better: "Mapping[tuple[Solution, int], str]",
    location: str | None,
    force: bool,
    tag: str | None,
    format: option.OutputFormat | None,
) -> None:
    from nccli.cli.output import emit
    from nccli.cli.run_table import run_columns
    from nccli.cli.selection import readable_runs
    from nccli.store import Store, existing_statuses, run_id, run_records, save_run, store_location, tag_runs
    from nccli.sweep import construction_config, construction_run

    ids = [
        better.get((solution, d)) or run_id(solution.construction.kind, construction_config(solution, d))
        for solution, d in planned
    ]
    target = Store.create(store_location(location))
    with target.read() as connection:
        stored = {} if force else existing_statuses(connection, ids)
    for key, (solution, d) in zip(ids, planned, strict=True):
        if key not in stored and (solution, d) not in better:
            save_run(target, construction_run(solution, d))
    if tag is not None:
        tag_runs(target, ids, tag)
    with target.read() as connection:
        records = run_records(connection, readable_runs(connection, list(dict.fromkeys(ids))))
    emit(records, format, option.OutputFormat.ids, run_columns(records))
