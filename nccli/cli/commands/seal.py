"""`nccli store seal`: a store to be handed on, which reading leaves alone to the byte."""

from typing import TYPE_CHECKING, Annotated

import typer

from nccli.cli import options as option
from nccli.cli.notes import note

if TYPE_CHECKING:
    from nccli.store import Store


def seal(
    file: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="The store. [default: as --store]", show_default=False)
    ] = None,
    unseal: Annotated[bool, typer.Option("--unseal", help="Let it be written again.")] = False,
    store: option.StoreLocation = None,
    format: option.Format = None,
    quiet: option.Quiet = False,
) -> None:
    """Close a store for writing, such as one that is committed or sent.

    The mark lies in the file, so that clones and copies have it too. What reads a sealed store changes no byte of it
    and makes no file beside it; an older schema is read through an upgraded copy, which is removed afterwards. What
    would write it ends with exit code 5. Sealing leaves one file, as small as it can be.

    Example: nccli store seal paper.db && git add paper.db
    """
    from nccli.cli.output import Column, emit, plain
    from nccli.errors import InputError

    if file is not None and store is not None:
        raise InputError("PATH and --store name the same thing: drop one of them")
    found = _unsealed(file or store) if unseal else _sealed(file or store, quiet)
    size = None if found.path is None else found.path.stat().st_size
    record = {"store": found.location, "sealed": found.is_sealed, "schema": found.revision, "bytes": size}
    emit([record], format, option.OutputFormat.jsonl, [Column(name, plain(name), left=True) for name in record])


def _sealed(location: str | None, quiet: bool) -> "Store":
    from nccli.errors import StoreError
    from nccli.store import Store, running_runs, seal_file, settle_abandoned, store_location

    found = _of_a_file(location)
    if found.is_sealed:
        note(f"{found.location} is sealed already", quiet)
        return found
    found = Store.create(store_location(location))  # upgraded where needed
    settle_abandoned(found)
    with found.read() as connection:
        running = running_runs(connection)
    if running:
        who = ", ".join(sorted(set(running.values())))
        raise StoreError(f"the store {found.location} is in use ({who}): end that first, then seal it")
    assert found.path is not None
    seal_file(found.path)
    return found


def _unsealed(location: str | None) -> "Store":
    from nccli.store import unseal_file

    found = _of_a_file(location)
    assert found.path is not None
    unseal_file(found.path)
    return found


def _of_a_file(location: str | None) -> "Store":
    from nccli.errors import InputError
    from nccli.store import Store, store_location

    found = Store.peek(store_location(location))
    if found.path is None:
        raise InputError(f"store {found.location}: only files are sealed; on a server, revoke the right to write")
    return found
