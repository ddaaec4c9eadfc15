"""`nccli search`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.catalogue.runs import Finish
from nccli.catalogue.stages import Stage, hidden_layers
from nccli.cli import options as option
from nccli.cli.hands import Detach, ExecutorName, ExecutorOption, Hands, Jobs, Name, Slurm
from nccli.cli.progress import SEARCH_WORDS
from nccli.cli.run_command import as_asked, search_command
from nccli.cli.training import Request, Training, carry_out

if TYPE_CHECKING:
    from nccli.cli.output import Column
    from nccli.search import SearchConfig
    from nccli.store import Store
    from nccli.sweep import JobSize, Plan


def search(
    context: typer.Context,
    K: option.K = "10",
    L: option.L = "4",
    n: Annotated[str, option.values("--n", "Samples a class.")] = "1",
    wd: option.Wd = "4e-3",
    wd_h1: option.WdH1 = None,
    wd_layers: option.WdLayers = None,
    seed: Annotated[str, option.values("--seed", "Of random descents and of noise.")] = "0",
    descents: Annotated[str, option.values("--descents", "Random descents of a problem.")] = "32",
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            metavar="SECONDS",
            min=0.1,
            help="Of a problem: begin nothing new after it. [default: all of the work, minutes for K up to 10]",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin with nothing that is stored, not even with earlier searches.")
    ] = False,
    jobs: Jobs = None,
    executor: ExecutorOption = ExecutorName.local,
    slurm: Slurm = None,
    name: Name = None,
    detach: Detach = False,
    tag: option.Tag = None,
    store: option.StoreLocation = None,
    format: option.Format = None,
    force: option.Force = False,
    dry_run: option.DryRun = False,
    quiet: option.Quiet = False,
) -> None:
    """Search the best solution of a problem.

    Hypergraphs and their sums with the best weights, random descents and stored points are refined to stationary
    points, and so is what is near the best of these. The best of each problem is stored, with its certificate and how
    it was found: an upper bound of the least loss that anybody can check, and no proof that there is none below.

    Example: nccli search --K 6 --L 3..6 --n 1 --wd 4e-3 --budget 60 --format table
    """
    from nccli.cli.problems import problem_grid
    from nccli.search import SearchConfig
    from nccli.sweep import SearchTrainer, parse_integers

    problems = problem_grid(K, L, n, wd, wd_h1, wd_layers).problems()
    configs = [
        SearchConfig(each.K, each.L, each.n, each.lambda_h1, each.lambda_w, one, count, budget, fresh)
        for each in problems
        for one in parse_integers(seed, "--seed")
        for count in parse_integers(descents, "--descents")
    ]
    hands = Hands.of(jobs, executor, slurm, name, detach)
    asked = as_asked(context)
    request = Request("cpu", store, format, force, dry_run, quiet, tag, hands, lambda one: search_command(one, asked))
    training = Training(
        SearchTrainer(),
        SEARCH_WORDS,
        "another --seed",
        show=lambda plan, found, size: _show_plan(plan, found, size, request),
        piped=option.OutputFormat.jsonl,
        columns=_columns,
        records=_records,
    )
    carry_out(configs, request, training)


def _show_plan(plan: "Plan[SearchConfig]", store: "Store | None", size: "JobSize", request: Request) -> None:
    """Print the searches."""
    from nccli.cli.output import Column, emit, number, plain

    records = (
        {"id": key, "stored": plan.stored.get(key), **config.as_dict(), "command": request.command(config)}
        for key, config in plan.configs.items()
    )
    columns = [Column(name, plain(name)) for name in ("id", "stored", "K", "L", "n", "seed", "descents")]
    columns.append(Column("λ_H1", number("wd_h1")))
    emit(records, request.format, option.OutputFormat.jsonl, columns)


def _records(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The records of runs, with what a search is asked for: rank of the hidden layers, structure, certificate."""
    found = []
    for run in runs:
        hidden = hidden_layers(run["L"])
        ranks = {layer["rank"] for layer in run["layers"] if Stage(layer["layer"], layer["stage"]) in hidden}
        rank = ranks.pop() if len(ranks) == 1 else None
        found.append({**run, "hidden_rank": rank, "certified": run["finish"] == Finish.CERTIFIED})
    return found


_ROOM = 60
"""A taste: characters of how a point was found, in a table; records have all."""


def _short(record: Mapping[str, Any]) -> str:
    text = str(record["found_by"])
    return text if len(text) <= _ROOM else f"{text[: _ROOM - 1]}…"


def _columns(records: Sequence[Mapping[str, Any]]) -> "list[Column]":
    from nccli.cli.output import Column, number, plain, ranks_text, ratio
    from nccli.cli.run_table import hidden_ranks

    return [
        Column("id", plain("id"), left=True),
        *(Column(name, plain(name)) for name in ("K", "L", "n")),
        Column("λ", number("wd", 3)),
        Column("loss", number("loss", 10)),
        Column("/DNC", ratio("ratio_dnc")),
        Column("/SRG", ratio("ratio_srg")),
        Column("ranks", lambda record: ranks_text(hidden_ranks(record))),
        Column("certified", lambda record: "yes" if record["certified"] else "no"),
        Column("outcome", plain("outcome"), left=True),
        Column("found by", _short, left=True),
    ]
