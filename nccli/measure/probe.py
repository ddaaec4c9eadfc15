"""Watching the layers of any network: class statistics of what its modules put out, by forward hooks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nccli.catalogue.options import Pool
from nccli.errors import InputError
from nccli.measure.streaming import StreamingStatistics
from nccli.metrics import ClassStatistics, LayerData, LayerMetrics, layer_metrics

INPUT = ".input"
_MOST_BYTES = 2**31
"""A taste: 2 GiB of covariances, one layer of d = 16384 or a thousand of d = 512."""

_FLOAT64 = 8
"""Bytes."""


@dataclass(frozen=True, eq=False)
class ProbedLayer:
    """What was measured of one module.

    Attributes:
        name: as `torch.nn.Module.named_modules` has it, with ".input" for what the classifier reads.
        statistics: of its output, flattened or pooled.
        weights: of the classifier, for its input.
    """

    name: str
    statistics: ClassStatistics
    weights: Float[Any, "K d"] | None = None

    def metrics(self, layer: int = 1, nc4: float | None = None) -> LayerMetrics:
        """All metrics, as layer number `layer`."""
        return layer_metrics(layer, "post", LayerData.of(self.statistics, self.weights, nc4), self.name)


class LayerProbe:
    """Measures layers of a network while it is evaluated; memory is d² a layer, whatever the number of samples.

    Use as a context manager around an evaluation in eval mode: call `observe(labels)` before each forward pass, and
    read `layers` and `skipped` after the last.

    Attributes:
        skipped: why, by the name of every module that matched and could not be measured.
    """

    def __init__(
        self,
        model: nn.Module,
        K: int,
        layers: str | None = None,
        pool: str = "flatten",
        classifier: str | None = None,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        """Choose modules; hooks are there only inside the `with`.

        Args:
            model: any network.
            K: classes.
            layers: regular expression that is searched in the names of modules; by default all that have no children.
            pool: what to do with outputs of more than two axes: "flatten", or "mean" over positions (all axes but
                the sample's and, of sequences (B, T, d), the last, of images (B, C, H, W), the second).
            classifier: name of a linear module whose input is measured too, with its weights.
            most_bytes: memory for covariances of all layers together; what does not fit is skipped.

        Raises:
            InputError: a malformed expression, one that matches no module, no such classifier, an unknown pool.
        """
        if pool not in tuple(Pool):
            raise InputError(f"pool '{pool}': must be one of {', '.join(Pool)}")
        self._K, self._pool, self._room = K, pool, most_bytes
        modules = {name: module for name, module in model.named_modules() if name}
        if layers is None:
            chosen = [name for name, module in modules.items() if not any(module.children())]
        else:
            try:
                chosen = [name for name in modules if re.search(layers, name)]
            except re.error as error:
                raise InputError(f"--layers '{layers}': not a regular expression ({error})") from error
            if not chosen:
                shown = ", ".join(list(modules)[:8]) + (", …" if len(modules) > 8 else "")
                raise InputError(f"--layers '{layers}' matches no layer: this network has {shown or 'no modules'}")
        self._modules = {name: modules[name] for name in chosen}
        self._classifier: tuple[str, nn.Linear] | None = None
        if classifier is not None:
            found = modules.get(classifier)
            if not isinstance(found, nn.Linear):
                raise InputError(f"classifier '{classifier}': no linear layer of that name")
            self._classifier = (classifier + INPUT, found)
        self._found: dict[str, StreamingStatistics] = {}
        self._seen: set[str] = set()
        self._labels: Int[Tensor, " B"] | None = None
        self._handles: list[Any] = []
        self.skipped: dict[str, str] = {}

    def __enter__(self) -> "LayerProbe":
        """Set the hooks."""
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._hook(name)))
        if self._classifier is not None:
            name, linear = self._classifier
            self._handles.append(linear.register_forward_pre_hook(lambda _, inputs: self._take(name, inputs[0])))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take them away."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def observe(self, labels: Int[Tensor, " B"]) -> None:
        """Say which classes the next forward pass is about; None of what passes without a call is measured."""
        self._labels = labels
        self._seen.clear()

    @property
    def layers(self) -> list[ProbedLayer]:
        """What was measured, in the order in which modules ran; a layer that cannot be told of goes to `skipped`."""
        found = []
        for name, statistics in self._found.items():
            if name in self.skipped:
                continue
            try:
                weights = None
                if self._classifier is not None and name == self._classifier[0]:
                    weights = self._classifier[1].weight.detach().double().cpu().numpy()
                found.append(ProbedLayer(name, statistics.result(), weights))
            except ValueError as error:
                self.skipped[name] = str(error)
        never = [name for name in self._modules if name not in self._found and name not in self.skipped]
        self.skipped |= dict.fromkeys(never, "it never ran")
        return found

    def _hook(self, name: str) -> Any:
        return lambda module, inputs, output: self._take(name, output)

    def _take(self, name: str, output: Any) -> None:
        """Add a module's output of this pass."""
        if self._labels is None or name in self.skipped:
            return
        reason = self._obstacle(name, output)
        if reason is None:
            X = flat_features(output, self._pool)
            if name not in self._found:
                need = _FLOAT64 * X.shape[1] ** 2
                if need > self._room:
                    reason = (
                        f"d = {X.shape[1]}: its covariance takes {need / 2**20:.0f} MiB and {self._room / 2**20:.0f} "
                        "are left; pool it, or choose fewer layers"
                    )
                else:
                    self._room -= need
                    self._found[name] = StreamingStatistics(self._K, X.shape[1], X.device)
            elif self._found[name].d != X.shape[1]:
                reason = "its size changes from batch to batch"
        if reason is None:
            self._seen.add(name)
            self._found[name].add(X, self._labels)
        else:
            self.skipped[name] = reason
            if name in self._found:
                self._room += _FLOAT64 * self._found.pop(name).d ** 2

    def _obstacle(self, name: str, output: Any) -> str | None:
        assert self._labels is not None
        if name in self._seen:
            return "it runs several times in a pass"
        if not isinstance(output, Tensor):
            return f"its output is {type(output).__name__}, not a tensor"
        if not output.is_floating_point():
            return f"its output is {output.dtype}"
        if output.dim() < 2 or len(output) != len(self._labels):
            return f"its output has shape {tuple(output.shape)} for {len(self._labels)} samples"
        return None


def flat_features(output: Float[Tensor, "B *rest"], pool: str) -> Float[Tensor, "B d"]:
    """Outputs as one vector a sample, see `LayerProbe`."""
    if output.dim() == 2:
        return output
    if pool == "flatten":
        return output.flatten(1)
    positions: Sequence[int] = (1,) if output.dim() == 3 else tuple(range(2, output.dim()))
    wide = output if output.dtype == torch.float64 else output.float()
    return wide.mean(dim=tuple(positions))
