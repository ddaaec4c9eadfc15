"""`nccli runs tag`: names for runs."""

from typing import Annotated

import typer

from nccli.cli import options as option
from nccli.cli.notes import note
from nccli.errors import InputError, NothingFoundError


def tag_stored(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the runs: one a run, in place of any other.")],
    runs: option.RunIds = None,
    where: option.Where = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the name away again; without RUN, from all that have it.")
    ] = False,
    store: option.StoreLocation = None,
    quiet: option.Quiet = False,
) -> None:
    """Give stored runs a name, to find them by.

    Prints the ids of the runs whose name changed. A name is a column: --where tag=NAME, --group-by tag.

    Example: nccli train-dufm --seed 0..9 | nccli runs tag fig2 - && nccli plot spectra --where tag=fig2
    """
    from nccli.cli.opened import open_store
    from nccli.cli.output import write
    from nccli.cli.selection import selected_ids
    from nccli.store import require_tag, tag_runs, tagged_runs

    require_tag(name)
    if not runs and where is None:
        if not remove:
            raise InputError("runs tag: name a run, - for ids on stdin, or --where")
        opened = open_store(store)
        with opened.read() as connection:
            ids = tagged_runs(connection, name)
        if not ids:
            raise NothingFoundError(f"no run has the tag '{name}'")
    else:
        opened, ids = selected_ids(store, runs, where)
        if remove:
            with opened.read() as connection:
                named = set(tagged_runs(connection, name))
            ids = [key for key in ids if key in named]
    changed = tag_runs(opened, ids, None if remove else name)
    if remove and not ids:
        note(f"none of these runs has the tag '{name}'", quiet)
    if len(changed) < len(ids):
        note(f"{len(ids) - len(changed)} of {len(ids)} runs had the tag '{name}' already", quiet)
    write("".join(f"{key}\n" for key in changed))
