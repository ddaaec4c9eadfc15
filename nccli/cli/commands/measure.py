"""`nccli measure`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.catalogue.options import FEATURE_SUFFIXES, Pixels, Pool, Split
from nccli.cli import image_options as image_option
from nccli.cli import options as option
from nccli.errors import InputError, InterruptedRunError

if TYPE_CHECKING:
    from nccli.cli.measuring import Measurements, Source

_MOST_GIB = 1e6
"""A bound: a petabyte; no machine has it."""

_NETWORK, _CHECKPOINTS, _SECOND_ORDER = "A network of your own", "Checkpoints", "Second order"


def _sound_series(value: str | None) -> str | None:
    if value is None:
        return None
    from nccli.store import require_series

    return require_series(value)


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
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="FILE.npy", help="Labels of features that have none in their file.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="LIBRARY:NAME|pkg.module:factory",
            help="torchvision:resnet18, timm:NAME, transformers:CLASS|FOLDER; or a function that returns the network.",
            rich_help_panel=_NETWORK,
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights",
            metavar="FILE|'GLOB'",
            help="Its state dictionary, or a checkpoint with one; several are a series, in the order of their names.",
            rich_help_panel=_NETWORK,
            show_default=False,
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
    memory: Annotated[
        float,
        typer.Option(
            "--memory",
            metavar="GIB",
            min=0.0,
            help="What measuring a network may take beside network and data; decides which matrices d × d are kept.",
            rich_help_panel=_NETWORK,
        ),
    ] = 2.0,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Name every module that is skipped, and why.", rich_help_panel=_NETWORK),
    ] = False,
    split: Annotated[
        str,
        typer.Option("--split", metavar="train,test", help="Parts of the data, a run each.", rich_help_panel=_NETWORK),
    ] = Split.TRAIN.value,
    series: Annotated[
        str | None,
        typer.Option(
            "--series",
            metavar="NAME",
            callback=_sound_series,
            help="Name of the series that several files are, for --where series=NAME. [default: the pattern]",
            rich_help_panel=_CHECKPOINTS,
            show_default=False,
        ),
    ] = None,
    step_from: Annotated[
        str | None,
        typer.Option(
            "--step-from",
            metavar="REGEX",
            help="Finds the step in a file's name, by its one group: 'ep(\\d+)'. [default: 1, 2, 3, …]",
            rich_help_panel=_CHECKPOINTS,
            show_default=False,
        ),
    ] = None,
    ood: Annotated[
        str | None,
        typer.Option(
            "--ood",
            metavar="DATASET|FILE",
            help="Out-of-distribution set, for NC5: images as --dataset names them; for a file of features a file.",
            show_default=False,
        ),
    ] = None,
    dataset: image_option.Dataset = "digits",
    data_dir: image_option.DataDir = None,
    no_download: image_option.NoDownload = False,
    per_class: image_option.PerClass = None,
    device: Annotated[option.Device, typer.Option("--device", help="Where the network runs.")] = option.Device.auto,
    hessian: Annotated[
        bool,
        typer.Option(
            "--hessian",
            help="Of L-DUFM runs and constructions: is the point a minimum? The verdict is stored.",
            rich_help_panel=_SECOND_ORDER,
        ),
    ] = False,
    escape: Annotated[
        bool,
        typer.Option(
            "--escape",
            help="With --hessian: leave what is no minimum along a way down; where that leads is a run.",
            rich_help_panel=_SECOND_ORDER,
        ),
    ] = False,
    where: option.Where = None,
    force: Annotated[bool, typer.Option("--force", help="Measure again what is stored already.")] = False,
    tag: option.Tag = None,
    store: option.StoreLocation = None,
    format: option.Format = None,
    quiet: option.Quiet = False,
) -> None:
    """Collapse metrics of runs, feature files, any network.

    A file has `labels` and `features` (samples × d), or an array a layer, and perhaps `weights`, `bias` and `logits` of
    what reads them, for NC3 and NC4. What is measured of files and networks is stored as a run. Several files are a
    series: checkpoints of one training, a run each.

    Example: nccli measure features.npz --format jsonl
    """
    from nccli.cli.file_series import FileSeries

    _require_runs(hessian, escape, model, targets)
    named = FileSeries(series, step_from, quiet)
    output = _Output(store, rank_rtol, tag, format, force, quiet)
    if model is not None:
        if labels is not None:
            raise InputError("--labels is for files of features; data have theirs")
        further = [target for target in targets or () if Path(target).is_file()]
        if targets and (not weights or len(further) < len(targets)):
            raise InputError(f"'{targets[0]}' beside --model: measure one or the other")
        found = named.weights([*(weights or ()), *further])
        from nccli.cli.measured_data import read_data
        from nccli.cli.measured_network import OwnNetwork

        how = (layers, pool.value, pixels.value, _splits(split), device.value, quiet)
        network = OwnNetwork(model, *how, _bytes(memory), verbose)
        data = read_data(image_option.image_source(dataset, data_dir, no_download, per_class), quiet)
        outside = None if ood is None else read_data(image_option.image_source(ood, data_dir, no_download, None), quiet)
        output.store_and_print(network.sources(found, data, named.place, outside))
        return
    for name, given in (("--weights", weights), ("--layers", layers), ("--split", split != Split.TRAIN)):
        if given:
            raise InputError(f"{name}: --weights, --layers and --split belong to --model pkg.module:factory")
    files = [target for target in targets or () if Path(target).suffix in FEATURE_SUFFIXES]
    strange = [
        target for target in targets or () if Path(target).suffix not in FEATURE_SUFFIXES and Path(target).is_file()
    ]
    if strange:
        raise InputError(f"{strange[0]}: files of features end in {', '.join(FEATURE_SUFFIXES)}")
    if files:
        if len(files) < len(targets or ()):
            raise InputError("files and run ids together: measure one or the other")
        found = named.features(files)
        from nccli.cli.measured_files import file_subjects

        how_read = (labels, pool.value, quiet, None if ood is None else Path(ood))
        output.store_and_print([partial(file_subjects, each, named.place(each), *how_read) for each in found])
        return
    own = {"--series": series, "--step-from": step_from, "--force": force, "--labels": labels, "--ood": ood}
    for name in (name for name, given in own.items() if given):
        also = {"--labels": "", "--ood": " and for --model"}.get(name, " and for --weights")
        raise InputError(f"{name} is for files of features{also}")
    if tag is not None:
        raise InputError("--tag names what is measured of files and networks: nccli runs tag names stored runs")
    shown = _judged(escape, quiet) if hessian else _measured(rank_rtol)
    shown(targets, where, store, format)


def _bytes(memory: float) -> int:
    """GiB as bytes."""
    if not 0 < memory < _MOST_GIB:
        raise InputError(f"--memory {memory:g}: must be above 0, in GiB")
    return int(memory * 2**30)


def _splits(text: str) -> list[str]:
    """Parts of the data, in the order given."""
    names = [each.strip() for each in text.split(",")]
    for name in names:
        if name not in tuple(Split):
            raise InputError(f"--split '{text}': must be train, test, or both with a comma")
    return list(dict.fromkeys(names))


_Shown = Callable[[Sequence[str] | None, str | None, str | None, option.OutputFormat | None], None]
"""Shows stored runs: targets, --where, --store, --format."""


def _measured(rank_rtol: float) -> _Shown:
    """Metrics of stored runs."""

    def show(
        targets: Sequence[str] | None, where: str | None, store: str | None, format: option.OutputFormat | None
    ) -> None:
        from nccli.cli.selection import readable_runs, selected_ids
        from nccli.store import WHOLE, measured_again

        opened, ids = selected_ids(store, targets, where)
        with opened.read() as connection:
            records = measured_again(connection, readable_runs(connection, ids, WHOLE), rank_rtol)
        _print(records, format)

    return show


def _judged(escape: bool, quiet: bool) -> _Shown:
    """Verdicts on stored runs."""

    def show(
        targets: Sequence[str] | None, where: str | None, store: str | None, format: option.OutputFormat | None
    ) -> None:
        from nccli.cli.judging import judge_runs
        from nccli.cli.selection import selected_ids

        judge_runs(*selected_ids(store, targets, where), escape, format, quiet)

    return show


def _require_runs(hessian: bool, escape: bool, model: str | None, targets: Sequence[str] | None) -> None:
    """Refuse second order of what is no stored run."""
    if escape and not hessian:
        raise InputError("--escape goes with --hessian, which finds the way down")
    files = [target for target in targets or () if Path(target).suffix in FEATURE_SUFFIXES]
    if hessian and (model is not None or files):
        raise InputError(f"{model or files[0]}: --hessian is for stored L-DUFM runs and constructions, by their ids")


def _print(records: Sequence[dict[str, Any]], format: option.OutputFormat | None) -> None:
    """Records a layer; as ids, each run once."""
    import sys

    from nccli.cli.output import emit
    from nccli.cli.run_table import measured_columns

    chosen = format or (option.OutputFormat.table if sys.stdout.isatty() else option.OutputFormat.ids)
    if chosen is option.OutputFormat.ids:
        records = [{"id": key} for key in dict.fromkeys(record["id"] for record in records)]
    emit(records, chosen, option.OutputFormat.ids, measured_columns(records))


@dataclass(frozen=True)
class _Output:
    """Where what is measured goes, as the user asked for it."""

    location: str | None
    rank_rtol: float
    tag: str | None
    format: option.OutputFormat | None
    force: bool
    quiet: bool

    def store_and_print(self, sources: "Sequence[Source]") -> None:
        """Measure, store and print; what was stored before somebody interrupted is printed too.

        Raises:
            InputError, InterruptedRunError, StoreError: as `Measurements.go`.
        """
        from nccli.cli.measuring import Measurements
        from nccli.store import store_location

        measurements = Measurements(store_location(self.location), self.force, self.quiet)
        try:
            measurements.go(sources)
        except InterruptedRunError:
            self._print(measurements)
            raise
        self._print(measurements)

    def _print(self, measurements: "Measurements") -> None:
        from nccli.cli.selection import readable_runs
        from nccli.store import WHOLE, measured_again, tag_runs

        if not measurements.ids:
            return
        if self.tag is not None:
            tag_runs(measurements.store, measurements.ids, self.tag)
        with measurements.store.read() as connection:
            runs = readable_runs(connection, measurements.ids, WHOLE)
            records = measured_again(connection, runs, self.rank_rtol)
        _print(records, self.format)
