"""A user's own network over a data set: its layers measured by a probe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import nn

from nccli.errors import InputError
from nccli.measure.batches import Batches, Samples, precision
from nccli.measure.classifier import last_linear, matrix_of
from nccli.measure.features import Labels
from nccli.measure.judge import Judge
from nccli.measure.outputs import logits_in, no_logits
from nccli.measure.outside import Means, outside_means
from nccli.measure.probe import INPUT, MOST_BYTES, LayerProbe
from nccli.measure.state_file import load_weights
from nccli.measure.survey import Survey
from nccli.metrics import LayerMetrics
from nccli.metrics.caveats import caveats
from nccli.training.memory import in_words

__all__ = ["MeasuredNetwork", "load_weights", "measure_network"]

_BATCH_SHARE = 4
"""A taste: a batch on its way may take a quarter of the budget; a smaller one costs little time."""

_KEPT_SHARE = 8
"""A taste: what the classifier reads is kept where it takes an eighth of the budget, which saves a second pass."""

_LOOKED_AT = 2
"""Samples of the first pass."""


@dataclass(frozen=True, eq=False)
class MeasuredNetwork:
    """What was found.

    Attributes:
        layers: metrics by layer, with the names of modules, in the order in which they ran.
        skipped: why, by the name of modules that matched and were not measured.
        accuracy: on the samples, or tokens, that have a class.
        remarks: what there is to know of modules that were measured, by name.
        without_matrix: names of layers whose within-class matrix was too large: all but `nc1_pinv` and spectra of
            features is measured.
        grey: whether images of one channel were repeated for a network that takes three.
        absent: how many of the classes had no sample; layers are of the others.
        outputs: of the network, more than there are classes where these are some of them.
        caveats: what there is to know of the samples of the classes.
    """

    layers: list[LayerMetrics]
    skipped: dict[str, str]
    accuracy: float
    remarks: dict[str, str] = field(default_factory=dict)
    without_matrix: list[str] = field(default_factory=list)
    grey: bool = False
    absent: int = 0
    outputs: int = 0
    caveats: list[str] = field(default_factory=list)


def measure_network(
    model: nn.Module,
    data: Samples,
    K: int,
    layers: str | None,
    pool: str,
    pixels: str,
    most_bytes: int = MOST_BYTES,
    classes: Sequence[int] | None = None,
    outside: Samples | None = None,
) -> MeasuredNetwork:
    """Measure a network over a whole set in eval mode.

    The input of its classifier, the last linear module to run with an output a class, is measured too, with NC3 and
    NC4. What is kept of each layer, and how many samples pass at once, is decided by a pass over two samples.

    Args:
        model: on the device of the data, of any precision; its output is (B, K), or has such logits among others, or
            is (B, T, outputs) for labels (B, T), one a token.
        data: the set.
        K: classes.
        layers, pool: as `LayerProbe` takes them.
        pixels: "unit" (uint8 over 255, floats as they are), "standard" (mean 0 and variance 1 by channel) or "raw".
        most_bytes: memory that measuring may take, beside network and data.
        classes: the output of the network that each class is; by default, and where there are K outputs, the outputs
            are the classes.
        outside: an out-of-distribution set, whose labels do not count, for NC5.

    Raises:
        InputError: an output that does not fit K, no layer that could be measured, or images that the network refuses.
    """
    model.eval()
    source = Batches(data, pixels, precision(model))
    few = np.arange(min(_LOOKED_AT, len(data)))
    outputs = _outputs(model, source, few, K, classes)
    first, labels = source.take(few)
    index = None if classes is None or outputs == K else np.asarray(classes)
    classifier = last_linear(model, outputs, lambda: model(first))
    probe = LayerProbe(model, K, layers, pool, classifier, most_bytes, index, nc4_bytes=0)  # the judge tells NC4
    tokens = labels[0].numel() if labels.dim() > 1 else 1
    reader = None if classifier is None else model.get_submodule(classifier)
    size = 0 if reader is None else tokens * len(data) * _read_bytes(reader)
    keep = 0 < size <= most_bytes // _KEPT_SHARE

    def reserve(found: Survey) -> int:
        source.size = int(np.clip(most_bytes // _BATCH_SHARE // max(1, found.sample_bytes), 1, source.size))
        return source.size * found.sample_bytes + (size if keep else 0)

    probe.plan(lambda: model(first), tuple(labels.shape), reserve)
    judge = Judge(model, reader, pool, outputs, index, keep)
    with judge, probe:
        for inputs, labels in source:
            probe.observe(labels)
            judge.see(inputs, labels)
    beyond: Means = {}
    if outside is not None:
        other = Batches(outside, pixels, precision(model))
        other.size, seen = source.size, other.take(np.arange(1))[0]
        other.grey = seen.dim() == first.dim() == 4 and seen.shape[1] == 1 < first.shape[1]
        beyond = outside_means(model, other, probe.measured, pool)
    measured: list[LayerMetrics] = []
    said: list[str] = []
    for layer in probe.released():
        said = said or list(caveats(layer.statistics))
        nc4 = None
        if classifier is not None and layer.name == classifier + INPUT:
            nc4 = judge.disagreement(layer.statistics, source)
        measured.append(layer.metrics(len(measured) + 1, nc4, beyond.get(layer.name)))
        del layer
    if not measured:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(probe.skipped.items())[:3])
        raise InputError(
            f"no layer could be measured: {reasons}; measuring may take {in_words(most_bytes)} (--memory), and "
            "--pool mean makes features smaller"
        )
    told = (probe.remarks, probe.without_matrix, source.grey, probe.absent, outputs, said)
    return MeasuredNetwork(measured, probe.skipped, judge.accuracy, *told)


def _read_bytes(reader: nn.Module) -> int:
    """Of what a linear module reads of a sample."""
    weight = matrix_of(reader)
    return weight.shape[1] * weight.element_size()


def _outputs(model: nn.Module, source: "Batches", index: Int[np.ndarray, " B"], K: int, classes: Any) -> int:
    """How many outputs the network has; also the check that it fits its inputs and K."""
    fits = _fitting(K, classes)
    output, labels = _accepted(model, source, index)
    logits = logits_in(output, fits)
    samples = tuple(labels.shape)
    if logits is None or logits.shape[:-1] != samples or not fits(logits.shape[-1]):
        named = "" if classes is None else f", the largest of them {max(classes)}"
        raise no_logits(output, len(labels), f"the data have K = {K} classes{named}: {_cure(samples)}")
    return int(logits.shape[-1])


def _cure(samples: tuple[int, ...]) -> str:
    if len(samples) > 1:
        return f"wanted are logits {(*samples, 'outputs')}, one row a token"
    return (
        "wanted are logits (samples, K), alone or as 'logits'; torchvision:NAME and timm:NAME make the last layer fit"
    )


def _fitting(K: int, classes: Any) -> Callable[[int], bool]:
    return lambda size: size == K or (classes is not None and size > max(classes))


def _accepted(model: nn.Module, source: "Batches", index: Int[np.ndarray, " B"]) -> tuple[Any, Labels]:
    """What the network returns for a few samples; grey images are repeated where only that makes it take them."""
    inputs, labels = source.take(index)
    try:
        with torch.no_grad():
            return model(inputs), labels
    except Exception as error:  # whatever somebody's network raises on inputs that do not fit
        refused = error
    if inputs.dim() == 4 and inputs.shape[1] == 1:
        source.grey = True
        repeated, _ = source.take(index)
        try:
            with torch.no_grad():
                return model(repeated), labels
        except Exception as error:
            if "channels" in str(refused):  # then it takes three, and something else is wrong
                inputs, refused = repeated, error
    what = "images" if inputs.dim() == 4 else "inputs"
    said = " ".join(str(refused).split())[:160]
    raise InputError(f"the model does not take {what} of shape {tuple(inputs.shape[1:])}: {said}") from refused
