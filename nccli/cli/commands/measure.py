"""`nccli measure`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.catalogue.options import Pixels, Pool
from nccli.cli import image_options as image_option
from nccli.cli import options as option
from nccli.cli.notes import note
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.store import FinishedRun

_SUFFIXES = (".npz", ".safetensors", ".pt")
_NETWORK = "A network of your own"


def measure(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN|FILE]...",
            help="Run ids or prefixes, - to read them from stdin, or files with features and labels.",
            show_default=False,
        ),
    ] = None,
    rank_rtol: option.RankRtol = 1e-2,
    pool: Annotated[
        Pool, typer.Option("--pool", help="Features of more than one axis: all of them, or their mean over positions.")
    ] = Pool.FLATTEN,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="pkg.module:factory",
            help="A function that returns the network.",
            rich_help_panel=_NETWORK,
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", help="Its state dictionary, .pt or .safetensors.", rich_help_panel=_NETWORK, show_default=False
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            metavar="REGEX",
            help="Modules to measure, by a search in their names. [default: all without children]",
            rich_help_panel=_NETWORK,
            show_default=False,
        ),
    ] = None,
    pixels: Annotated[
        Pixels,
        typer.Option(
            "--pixels",
            help="unit: bytes over 255; standard: mean 0, variance 1 by channel, as train-e2e has it; raw.",
            rich_help_panel=_NETWORK,
        ),
    ] = Pixels.UNIT,
    dataset: image_option.Dataset = "digits",
    data_dir: image_option.DataDir = None,
    no_download: image_option.NoDownload = False,
    per_class: image_option.PerClass = None,
    device: Annotated[option.Device, typer.Option("--device", help="Where the network runs.")] = option.Device.auto,
    where: option.Where = None,
    tag: option.Tag = None,
    store: option.StoreLocation = None,
    format: option.Format = None,
    quiet: option.Quiet = False,
) -> None:
    """Collapse metrics of runs, feature files, any network.

    A file has `labels` and `features` (samples × d), or an array a layer, and perhaps `weights`. What is measured of
    files and networks is stored as a run.

    Example: nccli measure features.npz --format jsonl
    """
    files = [Path(target) for target in targets or () if Path(target).suffix in _SUFFIXES]
    strange = [target for target in targets or () if Path(target).suffix not in _SUFFIXES and Path(target).is_file()]
    if strange:
        raise InputError(f"{strange[0]}: files of features end in {', '.join(_SUFFIXES)}")
    if model is None and (weights is not None or layers is not None):
        raise InputError("--weights and --layers belong to --model pkg.module:factory")
    if model is not None:
        if targets:
            raise InputError(f"'{targets[0]}' beside --model: measure one or the other")
        images = image_option.read_images(image_option.image_source(dataset, data_dir, no_download, per_class), quiet)
        found = [_network(model, weights, layers, pool.value, pixels.value, images, device.value, quiet)]
        _store_and_print(found, store, rank_rtol, tag, format)
    elif files:
        if len(files) < len(targets or ()):
            raise InputError("files and run ids together: measure one or the other")
        _store_and_print([_file(path, pool.value, quiet) for path in files], store, rank_rtol, tag, format)
    elif tag is not None:
        raise InputError("--tag names what is measured of files and networks: nccli runs tag names stored runs")
    else:
        _stored(targets, where, store, rank_rtol, format)


def _stored(
    targets: Sequence[str] | None,
    where: str | None,
    store: str | None,
    rank_rtol: float,
    format: option.OutputFormat | None,
) -> None:
    from nccli.cli.selection import readable_runs, selected_ids
    from nccli.store import WHOLE, measured_again

    opened, ids = selected_ids(store, targets, where)
    with opened.read() as connection:
        records = measured_again(connection, readable_runs(connection, ids, WHOLE), rank_rtol)
    _print(records, format)


def _print(records: Sequence[dict[str, Any]], format: option.OutputFormat | None) -> None:
    """Records a layer; as ids, each run once."""
    import sys

    from nccli.cli.output import emit
    from nccli.cli.run_table import MEASURED_COLUMNS

    chosen = format or (option.OutputFormat.table if sys.stdout.isatty() else option.OutputFormat.ids)
    if chosen is option.OutputFormat.ids:
        records = [{"id": key} for key in dict.fromkeys(record["id"] for record in records)]
    emit(records, chosen, option.OutputFormat.ids, MEASURED_COLUMNS)


def _store_and_print(
    found: "Sequence[FinishedRun]",
    location: str | None,
    rank_rtol: float,
    tag: str | None,
    format: option.OutputFormat | None,
) -> None:
    from nccli.cli.selection import readable_runs
    from nccli.store import WHOLE, Store, existing_statuses, measured_again, save_run, store_location, tag_runs

    target = Store.create(store_location(location))
    ids = [run.id for run in found]
    with target.read() as connection:
        stored = existing_statuses(connection, ids)
    for run in found:
        if run.id not in stored:
            save_run(target, run)
    if tag is not None:
        tag_runs(target, ids, tag)
    with target.read() as connection:
        records = measured_again(connection, readable_runs(connection, ids, WHOLE), rank_rtol)
    _print(records, format)


def _file(path: Path, pool: str, quiet: bool) -> "FinishedRun":
    from nccli.measure.feature_file import measure_features, read_features
    from nccli.sweep import content_fingerprint, measured_run

    began = time.perf_counter()
    found = read_features(path)
    layers, skipped = measure_features(found, pool)
    _say_what(path.name, [layer.name or "" for layer in layers], skipped, quiet)
    if not layers:
        raise InputError(f"{path}: no layer could be measured: {next(iter(skipped.values()))}")
    config = {
        "source": path.name,
        "data": content_fingerprint(found.labels, *found.layers.values(), *found.weights.values()),
        "layers": ",".join(layer.name or "" for layer in layers),
        "pool": pool,
    }
    n = len(found.labels) // found.K
    return measured_run("features", layers, n, config, time.perf_counter() - began, dataset=path.name)


def _network(
    model: str,
    weights: Path | None,
    layers: str | None,
    pool: str,
    pixels: str,
    images: Any,
    device: str,
    quiet: bool,
) -> "FinishedRun":
    import torch

    from nccli.e2e.device_images import DeviceImages
    from nccli.measure.factory import call_factory
    from nccli.measure.own_network import load_weights, measure_network
    from nccli.sweep import content_fingerprint, measured_run
    from nccli.training.device import choose_device

    began = time.perf_counter()
    torch.manual_seed(0)  # a network without weights is the same one each time
    network = call_factory(model, shape=images.train.images.shape[1:], K=images.K)
    if weights is None:
        note("no --weights: the network is measured as the factory makes it", quiet)
    else:
        load_weights(network, weights)
    chosen = choose_device(device)
    data = DeviceImages(images.train, chosen)
    found = measure_network(network.to(chosen), data, images.K, layers, pool, pixels)
    _say_what(model, [layer.name or "" for layer in found.layers], found.skipped, quiet)
    state = [tensor.detach().double().cpu().numpy() for tensor in network.state_dict().values()]
    config = {
        "source": model,
        "state": content_fingerprint(*state),
        "data": images.fingerprint,
        "layers": ",".join(layer.name or "" for layer in found.layers),
        "pool": pool,
        "pixels": pixels,
    }
    seconds = time.perf_counter() - began
    more = {"dataset": images.name, "backbone": model, "train_accuracy": found.accuracy, "device": chosen}
    return measured_run("network", found.layers, images.n, config, seconds, torch_version=torch.__version__, **more)


def _say_what(source: str, measured: Sequence[str], skipped: dict[str, str], quiet: bool) -> None:
    """Say which layers were measured and which were not, and why."""
    note(f"{source}: measured {', '.join(measured) or 'nothing'}", quiet)
    for name, reason in skipped.items():
        note(f"{source}: skipped {name}: {reason}", quiet)
