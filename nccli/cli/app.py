"""The Typer app with all its commands."""

import sys
from typing import Annotated

import typer

from nccli import __version__
from nccli.cli.commands import (
    compare,
    construct,
    measure,
    plot,
    report,
    runs,
    search,
    store,
    sweep,
    sweep_tasks,
    train_dufm,
    train_e2e,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nccli {__version__}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """Make the app. Help is drawn with rich on a terminal and plain in a pipe, whatever the environment says."""
    mode = "rich" if sys.stdout.isatty() else None
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=mode,  # type: ignore[arg-type]  # a literal type that mypy cannot narrow to
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def nccli(
        version: Annotated[
            bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
        ] = False,
    ) -> None:
        """Deep neural collapse versus low-rank bias: construct, train, measure, compare, plot.

        Every run is kept in a store (nccli.db here, or --store, or NCCLI_STORE), so that asking again costs nothing.
        """

    app.command("construct")(construct.construct)
    app.command("train-dufm")(train_dufm.train_dufm)
    app.command("train-e2e")(train_e2e.train_e2e)
    app.command("measure")(measure.measure)
    app.command("compare")(compare.compare)
    app.command("plot")(plot.plot)
    app.command("report")(report.report)
    app.command("search")(search.search)
    for name, commands, summary in (
        ("runs", runs.COMMANDS, "List, show, name, delete, export and import runs."),
        (
            "sweep",
            {**sweep.COMMANDS, **sweep_tasks.COMMANDS},
            "Sweeps that are written in a file, or run in a cluster.",
        ),
        ("store", store.COMMANDS, "Find, check, upgrade, back up, merge and seal stores."),
    ):
        group = typer.Typer(no_args_is_help=True, rich_markup_mode=mode, help=summary)  # type: ignore[arg-type]
        for command, function in commands.items():
            group.command(command)(function)
        app.add_typer(group, name=name)
    return app
