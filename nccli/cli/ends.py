"""What `train-dufm` says of the ends of runs: settled or not, polished, refined, certified."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from nccli.catalogue.options import Until
from nccli.catalogue.runs import ENDED_WELL, Finish
from nccli.cli.notes import note
from nccli.cli.training import Request

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig

_BACK = 1e-10
"""A bound: rounding of the loss of a certified point, with room for its conditioning."""

_CRISP = 1e3
"""The gap from which on a rank does not hang on its tolerance."""


def note_ends(records: "Sequence[Mapping[str, Any]]", request: Request) -> None:
    """Say how many plain ends have not settled, and what polishing or refining changed."""
    ended = [record for record in records if record["status"] in ENDED_WELL and record["layers"]]
    plain = [record for record in ended if record["finish"] == Finish.PLAIN]
    moving = [record for record in plain if record["settled"] == 0]
    if moving:
        whole = all(record["config"].get("until") == Until.SETTLED for record in moving)
        way = "a larger --steps" if whole else "--until settled"
        note(
            f"{len(moving)} of {len(records)} runs have not settled, and ranks may change: {way} goes on", request.quiet
        )
    unknown = sum(record["settled"] is None for record in plain)
    if unknown:
        note(f"of {unknown} of {len(records)} runs it is not known whether they have settled", request.quiet)
    finished = [record for record in ended if record["finish"] not in (None, Finish.PLAIN)]
    if finished:
        _note_finished(finished, request)


def note_return(
    records: "Sequence[Mapping[str, Any]]", configs: "Sequence[DufmConfig]", points: Mapping[str, str], request: Request
) -> None:
    """Of refined runs that began at a point: whether they came back to its loss, or left it."""
    refined = [config for config in configs if config.refine and config.start_print]
    if not refined:
        return
    from nccli.dufm.finish import loss_at
    from nccli.dufm.start import StartPoint
    from nccli.sweep.plan import id_of

    begun = {id_of(config): config for config in refined}
    away = []
    for record in records:
        config = begun.get(record["id"])
        if config is not None and record["layers"]:
            away.append(record["loss"] - loss_at(config, StartPoint.of_text(points[str(config.start_print)])))
    if away:
        back = sum(abs(distance) <= _BACK for distance in away)
        others = [distance for distance in away if abs(distance) > _BACK]
        left = f"; the others left it, loss {median(others):+.1e} (median) from there" if others else ""
        where = "the point that they began at"
        note(f"{back} of {len(away)} runs came back to {where}, its loss within {_BACK:g}{left}", request.quiet)


def _note_finished(records: "Sequence[Mapping[str, Any]]", request: Request) -> None:
    from nccli.cli.opened import open_store
    from nccli.store import run_records, select_runs

    store = open_store(request.store)
    with store.read() as connection:
        rows = select_runs(connection, list(dict.fromkeys(record["parent"] for record in records)))
        parents = {parent["id"]: parent for parent in run_records(connection, rows)}
    pairs = [(parents[record["parent"]], record) for record in records if record["parent"] in parents]
    if records[0]["finish"] == Finish.POLISHED:
        note(f"polished: {_changes(pairs)}", request.quiet)
    else:
        certified = [record for record in records if record["finish"] == Finish.CERTIFIED]
        note(f"{len(certified)} of {len(records)} runs certified stationary: {_changes(pairs)}", request.quiet)
        others = [record for record in records if record["finish"] == Finish.REFINED]
        if others:
            how_far = [_spread([record[name] for record in others]) for name in ("residual", "radius")]
            note(
                f"of the others the residual is {how_far[0]} and the radius {how_far[1]}; 1e-10 certifies",
                request.quiet,
            )


def _changes(pairs: "Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]") -> str:
    """What became of losses and ranks from the plain ends."""
    if not pairs:
        return "their plain ends are gone"
    falls = [before["loss"] - after["loss"] for before, after in pairs]
    ranks = sum(_ranks(before) != _ranks(after) for before, after in pairs)
    outcomes = sum(before["outcome"] != after["outcome"] for before, after in pairs)
    crisp = [sum(_is_crisp(record) for record in each) for each in zip(*pairs, strict=True)]
    return (
        f"of {len(pairs)}, loss lower by {median(falls):.1e} (median), ranks other in {ranks}, outcome in {outcomes}, "
        f"gap at the rank of at least 1e3 in {crisp[1]}, before in {crisp[0]}"
    )


def _ranks(record: "Mapping[str, Any]") -> list[int]:
    return [layer["rank"] for layer in record["layers"] if layer["stage"] == "post"]


def _is_crisp(record: "Mapping[str, Any]") -> bool:
    """Whether the rank of no layer before the last hangs on its tolerance."""
    early = [layer for layer in record["layers"] if layer["stage"] == "post" and layer["layer"] < record["L"]]
    return all(layer["rank_gap"] is not None and float(layer["rank_gap"]) >= _CRISP for layer in early)


def _spread(values: "Sequence[float]") -> str:
    least, most = min(values), max(values)
    return f"{most:.0e}" if len(values) == 1 else f"{least:.0e} to {most:.0e}"
