"""`nccli store path|check`."""

from collections.abc import Callable

from nccli.cli import _options as option


def show_path(store: option.StoreLocation = None, format: option.Format = None) -> None:
    """Print where the store is, whether or not it exists yet."""
    from nccli.cli._output import Column, emit, plain, write
    from nccli.store import shown_location, store_location

    location = shown_location(store_location(store))
    if format is None:
        write(f"{location}\n")
    else:
        emit([{"path": location}], format, format, [Column("path", plain("path"), left=True)])


def check(store: option.StoreLocation = None, format: option.Format = None) -> None:
    """Check the store: schema, journal, integrity. Exit 0 if it is sound, 5 if not."""
    from nccli.cli._output import Column, emit, plain
    from nccli.errors import StoreError
    from nccli.store import Store, check_store, store_location

    findings = check_store(Store.open(store_location(store)))
    records = [{"check": f.check, "value": f.value, "ok": f.ok} for f in findings]
    columns = [Column(name, plain(name), left=True) for name in ("check", "value", "ok")]
    emit(records, format, option.OutputFormat.jsonl, columns)
    bad = [f"{f.check}: {f.value}" for f in findings if not f.ok]
    if bad:
        raise StoreError("the store is not sound: " + "; ".join(bad))


COMMANDS: dict[str, Callable[..., None]] = {"path": show_path, "check": check}
