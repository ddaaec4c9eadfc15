"""`--keep` and `--export`: what stays of trained runs beside what always does."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from nccli.cli.notes import note
from nccli.cli.training import Request
from nccli.errors import InputError
from nccli.outputs import Output

KEPT = ("weights", "trajectory")
"""What --keep takes."""


def kept_parts(keep: str | None) -> tuple[str, ...]:
    """What --keep names.

    Raises:
        InputError: what cannot be kept.
    """
    kept = () if keep is None else tuple(part.strip() for part in keep.split(","))
    for part in kept:
        if part not in KEPT:
            raise InputError(f"--keep {part}: must be among {', '.join(KEPT)}")
    return kept


def export_file(export: str | None, store: str | None) -> Output | None:
    """The file that --export names, None without.

    Raises:
        InputError: it may not be written.
    """
    from nccli.store import store_file

    if export is None:
        return None
    output = Output("--export", Path(export), store_file(store), (".npz",))
    output.require()
    return output


def write_kept(
    records: "Sequence[Mapping[str, Any]]", kept: Collection[str], output: Output | None, request: Request
) -> None:
    """Say which stored runs lack what was to be kept, and write the matrices of one."""
    from nccli.cli.opened import open_store
    from nccli.store import lacking
    from nccli.sweep import export_run

    if not records or not (kept or output):
        return
    store = open_store(request.store)
    wanted = {*kept, *(["weights"] if output else [])}
    for part, ids in lacking(store, [record["id"] for record in records], wanted).items():
        if ids:
            which = f"{len(ids)} of {len(records)} runs"
            note(f"{which} were made without their {part}: --force makes them again", request.quiet)
    if output is not None:
        with output.open() as file:
            export_run(file, store, records[0]["id"])
