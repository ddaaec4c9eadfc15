"""A user's own network over a data set: its layers measured by a probe."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nccli.errors import InputError
from nccli.measure.nearest_mean import nearest_mean
from nccli.measure.probe import INPUT, LayerProbe, flat_features
from nccli.measure.tensor_file import read_safetensors, read_torch_file, require_plain
from nccli.metrics import LayerMetrics

_BATCH = 256
"""A taste: the field's usual batch, which fits wherever the network was trained."""

_NESTED = ("state_dict", "model_state_dict", "model")


@runtime_checkable
class Samples(Protocol):
    """What measuring needs of a data set on a device."""

    def __len__(self) -> int:
        """N."""

    def batch(self, index: Int[np.ndarray, " B"]) -> tuple[Float[Tensor, "B C H W"], Int[Tensor, " B"]]:
        """Images of mean 0 and variance 1 by channel, and labels."""

    def pixels(self, index: Int[np.ndarray, " B"], unit: bool) -> tuple[Float[Tensor, "B C H W"], Int[Tensor, " B"]]:
        """Images as they are in float32, bytes over 255 if `unit`, and labels."""


@dataclass(frozen=True, eq=False)
class MeasuredNetwork:
    """What was found.

    Attributes:
        layers: metrics by layer, with the names of modules, in the order in which they ran.
        skipped: why, by the name of modules that matched and were not measured.
        accuracy: on the samples.
    """

    layers: list[LayerMetrics]
    skipped: dict[str, str]
    accuracy: float


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a .safetensors or .pt state dictionary, every parameter of it.

    Raises:
        InputError: the file is missing, damaged, or of another network.
    """
    if not path.is_file():
        raise InputError(f"--weights {path}: no such file")
    found: Any = read_safetensors(path) if path.suffix == ".safetensors" else read_torch_file(path, "weights file")
    for key in _NESTED:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise InputError(f"--weights {path}: no state dictionary of tensors")
    for name, value in found.items():
        require_plain(value, f"--weights {path}: '{name}'")
    state = {str(name).removeprefix("module."): value for name, value in found.items()}
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise InputError(f"--weights {path} does not fit the model: {' '.join(str(error).split())[:200]}") from error
    if missing or unexpected:
        what = f"has no {missing[0]}" if missing else f"has {unexpected[0]}, which the model has not"
        raise InputError(f"--weights {path} does not fit the model: it {what}")


def measure_network(
    model: nn.Module, data: Samples, K: int, layers: str | None, pool: str, pixels: str
) -> MeasuredNetwork:
    """Measure a network over a whole set in eval mode.

    The input of its classifier, the last linear module to run with K outputs, is measured too, with NC3 and NC4.

    Args:
        model: on the device of the data, of any precision; its output is (B, K), or has such `logits`.
        data: the set.
        K: classes.
        layers, pool: as `LayerProbe` takes them.
        pixels: "unit" (uint8 over 255, floats as they are), "standard" (mean 0 and variance 1 by channel) or "raw".

    Raises:
        InputError: an output that does not fit K, no layer that could be measured, or images that the network refuses.
    """
    model.eval()
    batches = _batches(data, pixels, _precision(model))
    classifier = _classifier(model, next(batches())[0], K)
    right = 0
    with torch.no_grad(), LayerProbe(model, K, layers, pool, classifier) as probe:
        for images, labels in batches():
            probe.observe(labels)
            right += int((_logits(model(images)).argmax(dim=1) == labels).sum())
    found = probe.layers
    if not found:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(probe.skipped.items())[:3])
        raise InputError(f"no layer could be measured: {reasons}")
    measured = []
    for number, layer in enumerate(found, 1):
        nc4 = None
        if classifier is not None and layer.name == classifier + INPUT:
            nc4 = _disagreement(model, classifier, batches, layer.statistics.means, pool)
        measured.append(layer.metrics(number, nc4))
    return MeasuredNetwork(measured, probe.skipped, right / len(data))


def _precision(model: nn.Module) -> torch.dtype:
    """In which images are given to a network: that of its first parameter."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)


def _logits(output: Any) -> Any:
    """The logits of networks that return more than them."""
    return output["logits"] if isinstance(output, Mapping) and "logits" in output else getattr(output, "logits", output)


def _batches(
    data: Samples, pixels: str, dtype: torch.dtype
) -> Callable[[], Iterator[tuple[Tensor, Int[Tensor, " B"]]]]:
    def go() -> Iterator[tuple[Tensor, Int[Tensor, " B"]]]:
        for index in np.array_split(np.arange(len(data)), -(-len(data) // _BATCH)):
            images, labels = data.batch(index) if pixels == "standard" else data.pixels(index, pixels == "unit")
            yield images.to(dtype), labels

    return go


def _classifier(model: nn.Module, images: Float[Tensor, "B C H W"], K: int) -> str | None:
    """The last linear module with K outputs to run; also the check that the network fits images and K."""
    ran: list[str] = []
    handles = [
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == K
    ]
    try:
        with torch.no_grad():
            output = _logits(model(images))
    except Exception as error:  # whatever somebody's network raises on images that do not fit
        said = " ".join(str(error).split())[:160]
        raise InputError(f"the model does not take images of shape {tuple(images.shape[1:])}: {said}") from error
    finally:
        for handle in handles:
            handle.remove()
    if not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] != K:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise InputError(f"the model's output is {shape} for {len(images)} images; the data have K = {K} classes")
    return ran[-1] if ran and ran[-1] else None


def _disagreement(
    model: nn.Module,
    classifier: str,
    batches: Callable[[], Iterator[tuple[Tensor, Tensor]]],
    means: Float[np.ndarray, "K d"],
    pool: str,
) -> float:
    """NC4, in a second pass."""
    inputs: list[Tensor] = []
    handle = model.get_submodule(classifier).register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    unlike = total = 0
    try:
        with torch.no_grad():
            for images, _ in batches():
                inputs.clear()
                predicted = _logits(model(images)).argmax(dim=1)
                centres = torch.from_numpy(means).to(images.device)
                unlike += int((nearest_mean(flat_features(inputs[0], pool), centres) != predicted).sum())
                total += len(images)
    finally:
        handle.remove()
    return unlike / total
