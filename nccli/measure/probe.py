"""Watching the layers of any network: class statistics of what its modules put out, by forward hooks."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from nccli.catalogue.options import Pool
from nccli.errors import InputError
from nccli.measure.agreement import Agreement
from nccli.measure.classifier import is_linear, matrix_of
from nccli.measure.features import IGNORED, Labels, NotMeasurableError, first_of, flat_features, rows_of
from nccli.measure.observed_labels import observed_labels
from nccli.measure.own_weights import bias_of, made_before, own_matrix
from nccli.measure.plan import Plan, Sighting, plan_layers
from nccli.measure.scalars import scalars
from nccli.measure.streaming import StreamingStatistics
from nccli.measure.survey import SEVERAL, Survey, survey
from nccli.metrics import ClassStatistics, LayerData, LayerMetrics, layer_metrics

__all__ = ["INPUT", "MOST_BYTES", "LayerProbe", "ProbedLayer", "flat_features"]

INPUT = ".input"
MOST_BYTES = 2**31
"""A taste: 2 GiB, class means and within-class matrices of all layers together."""

NC4_BYTES = 2**28
"""A taste: 256 MiB, 50,000 samples of 1,280 numbers in float32."""

_LOOKED_AT = 2
"""Samples of the pass by which layers are planned: a bound, the fewest that tell the axis of samples from others."""

_UNPLANNED_SHARE = 4
"""A taste: a layer that comes without a plan may take a quarter of what is left."""


@dataclass(frozen=True, eq=False)
class ProbedLayer:
    """What was measured of one module.

    Attributes:
        name: as `torch.nn.Module.named_modules` has it, with ".input" for what the classifier reads.
        statistics: of its output, flattened or pooled.
        weights: of the classifier, for its input.
        more: `own`, the matrix of the module; for the classifier's input `bias` and `made_by`, the matrix before it.
        nc4: share of samples on which the classifier and the nearest class mean disagree, for its input.
    """

    name: str
    statistics: ClassStatistics
    weights: Float[np.ndarray, "out d"] | None = None
    more: Mapping[str, NDArray[Any] | None] = field(default_factory=dict)
    nc4: float | None = None

    def metrics(
        self, layer: int = 1, nc4: float | None = None, outside: Float[np.ndarray, " d"] | None = None
    ) -> LayerMetrics:
        """All metrics, as layer number `layer`.

        Args:
            layer: its number.
            nc4: measured by whoever saw the predictions; by default as the probe saw it.
            outside: mean feature of an out-of-distribution set, for NC5.
        """
        told = self.nc4 if nc4 is None else nc4
        data = LayerData.of(self.statistics, self.weights, told, False, outside=outside, **self.more)
        return layer_metrics(layer, "post", data, self.name)


class LayerProbe:
    """Measures layers of a network while it is evaluated, within a budget of memory, whatever the number of samples.

    Use as a context manager around an evaluation in eval mode: call `observe(labels)` before each forward pass, and
    read `layers` and `skipped` after the last. What is kept of each layer is planned by a pass over two samples of the
    first batch, which goes before it: class means of all, within-class matrices of the smallest, until the budget is
    spent. In training mode, where that pass would leave traces, layers are planned as they come.

    Attributes:
        skipped: why, by the name of every module that matched and could not be measured.
        remarks: what there is to know of a module that is measured: where in its output the features stood.
        without_matrix: names of layers without a within-class matrix, whose `nc1_pinv` cannot be told.
        absent: how many of the classes had no sample; `layers` are of the others.
    """

    def __init__(
        self,
        model: nn.Module,
        K: int,
        layers: str | None = None,
        pool: str = "flatten",
        classifier: str | None = None,
        most_bytes: int = MOST_BYTES,
        classes: Int[np.ndarray, " K"] | None = None,
        nc4_bytes: int = NC4_BYTES,
    ) -> None:
        """Choose modules; hooks are there only inside the `with`.

        Args:
            model: any network.
            K: classes.
            layers: regular expression that is searched in the names of modules; by default all that have no children.
            pool: what to do with outputs of more than two axes: "flatten", or "mean" over positions (all axes but
                the sample's and, of sequences (B, T, d), the last, of images (B, C, H, W), the second).
            classifier: name of a linear module whose input is measured too, with its weights, NC3 and NC4.
            most_bytes: memory for all layers together; the classifier and its input come first.
            classes: the output of the network that each class is; by default the outputs are the classes.
            nc4_bytes: memory on the CPU for what the classifier reads, which NC4 looks at when the class means are
                known; where it does not suffice, NC4 is not told, and `remarks` say so.

        Raises:
            InputError: a malformed expression, one that matches no module, no such classifier, an unknown pool.
        """
        if pool not in tuple(Pool):
            raise InputError(f"pool '{pool}': must be one of {', '.join(Pool)}")
        self._model, self._K, self._pool, self._room, self._classes = model, K, pool, most_bytes, classes
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
        self._classifier: tuple[str, nn.Module] | None = None
        if classifier is not None:
            found = modules.get(classifier)
            if found is None or not is_linear(found):
                raise InputError(f"classifier '{classifier}': no linear layer of that name")
            self._classifier = (classifier + INPUT, found)
        self._agreement = Agreement(0 if self._classifier is None else nc4_bytes)
        self._found: dict[str, StreamingStatistics] = {}
        self._ran: list[str] = []
        self._seen: set[str] = set()
        self._labels: Labels | None = None
        self._handles: list[Any] = []
        self._plan: Plan | None = None
        self._planning = False
        self.skipped: dict[str, str] = {}
        self.remarks: dict[str, str] = {}
        self.without_matrix: list[str] = []
        self.absent = 0

    def __enter__(self) -> "LayerProbe":
        """Set the hooks."""
        self._handles.append(self._model.register_forward_pre_hook(self._before_first, with_kwargs=True))
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._hook(name)))
        for name, module in self._inputs.items():
            self._handles.append(
                module.register_forward_pre_hook(lambda _, given, name=name: self._take(name, first_of(given)))
            )
            self._handles.append(module.register_forward_hook(lambda _, given, output: self._heard(output)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take them away."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def observe(self, labels: Any) -> None:
        """Say which classes the next forward pass is about; None of what passes without a call is measured.

        Args:
            labels: 0..K−1, one a sample, or (B, T) one a token; −1 is no class, and left out. A tensor, an array or a
                list, as `nccli.measure.observed_labels.observed_labels` takes them.

        Raises:
            InputError: labels that are no such classes.
        """
        self._labels = observed_labels(labels, self._K)
        self._seen.clear()

    def log(self, prefix: str = "") -> dict[str, float]:
        """Every metric of every layer as a flat dictionary, "LAYER/METRIC" to number, for wandb, TensorBoard, MLflow.

        What a layer has not, and numbers that are not finite, which loggers treat in different ways, are left out.

        Args:
            prefix: before every name, such as "train/".
        """
        return scalars((layer.metrics() for layer in self.layers), prefix)

    def plan(self, forward: Callable[[], Any], shape: Sequence[int], reserve: Callable[[Survey], int]) -> Survey:
        """Decide what is kept of each layer by one pass, of which nothing is counted.

        Args:
            forward: runs the network; what it raises is passed on.
            shape: of the labels of what it runs on.
            reserve: bytes of the budget that are wanted for something else, by what the pass showed.
        """
        labels, self._labels, self._planning = self._labels, None, True
        try:
            found = survey(self._model, self._modules, self._inputs, shape, self._pool, forward)
        finally:
            self._labels, self._planning = labels, False
        self._plan = plan_layers(found.seen, self._K, self._room - reserve(found), self._first)
        self._room -= self._plan.bytes
        self._adopt(self._plan)
        return found

    @property
    def layers(self) -> list[ProbedLayer]:
        """What was measured, in the order in which modules ran; a layer that cannot be told of goes to `skipped`."""
        return list(self._told(keep=True))

    @property
    def measured(self) -> list[str]:
        """Names of what `layers` tells."""
        return [name for name in self._found if name not in self.skipped]

    def released(self) -> Iterator[ProbedLayer]:
        """As `layers`, one by one; the memory of each is free for the next, and nothing is left to be told again."""
        return self._told(keep=False)

    def _told(self, keep: bool) -> Iterator[ProbedLayer]:
        never = [name for name in self._modules if name not in self._found and name not in self.skipped]
        self.skipped |= dict.fromkeys(never, "it never ran")
        for name in [name for name in self._found if name not in self.skipped]:
            statistics = self._found[name] if keep else self._found.pop(name)
            try:
                told = statistics.result(absent=True, release=not keep)
                self.absent = self._K - len(told.counts)
                weights, more = self._weights(name, told.classes), self._more(name, told.classes)
                layer = ProbedLayer(name, told, weights, more, self._nc4(name, told))
            except ValueError as error:
                self.skipped[name] = str(error)
                continue
            finally:
                del statistics
            yield layer
            del layer

    @property
    def _inputs(self) -> Mapping[str, nn.Module]:
        return {} if self._classifier is None else dict([self._classifier])

    @property
    def _first(self) -> tuple[str, ...]:
        """The classifier's input and the classifier."""
        return tuple(each for name in self._inputs for each in (name, name.removesuffix(INPUT)))

    def _weights(self, name: str, classes: Int[np.ndarray, " K"] | None) -> Float[np.ndarray, "out d"] | None:
        """Of the classifier, for its input: a row for each class that has samples."""
        if self._classifier is None or name != self._classifier[0]:
            return None
        return self._of_classes(matrix_of(self._classifier[1]).double().cpu().numpy(), classes)

    def _of_classes(self, rows: NDArray[Any], classes: Int[np.ndarray, " K"] | None) -> NDArray[Any]:
        chosen = rows if self._classes is None else rows[self._classes]
        return np.asarray(chosen[classes] if classes is not None and len(chosen) == self._K else chosen)

    def _more(self, name: str, classes: Int[np.ndarray, " K"] | None) -> dict[str, NDArray[Any] | None]:
        """What else `ProbedLayer` tells."""
        if self._classifier is None or name != self._classifier[0]:
            return {"own": own_matrix(self._modules.get(name))}
        bias = bias_of(self._classifier[1])
        ran = [self._modules[each] for each in self._ran if each in self._modules]
        made_by = made_before(self._classifier[1], ran)
        return {"bias": None if bias is None else self._of_classes(bias, classes), "made_by": made_by}

    def _nc4(self, name: str, statistics: ClassStatistics) -> float | None:
        """Of the classifier's input, if all that it read could be kept."""
        if self._classifier is None or name != self._classifier[0]:
            return None
        if self._agreement.overflowed:
            self.remarks.setdefault(name, "what it holds takes more than nc4_bytes: NC4 is not told")
        rows = np.arange(len(statistics.means)) if statistics.classes is None else statistics.classes
        outputs = rows if self._classes is None else np.asarray(self._classes)[rows]
        return self._agreement.disagreement(torch.from_numpy(statistics.means), torch.from_numpy(outputs))

    def _heard(self, output: Any) -> None:
        """Keep what the classifier said of a batch that is measured."""
        if self._labels is None or self._planning or self._agreement.dropped or not isinstance(output, Tensor):
            return
        logits = output.flatten(0, -2) if output.dim() == 3 else output.flatten(1)
        known = self._labels.flatten().to(logits.device) != IGNORED
        if len(known) == len(logits):
            self._agreement.said(logits[known])

    def _hook(self, name: str) -> Any:
        return lambda module, inputs, output: self._take(name, output)

    def _input_hook(self, name: str) -> Any:
        return lambda module, given: self._take(name, first_of(given))

    def _before_first(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Plan by the first samples of a batch, where nobody has, and where a pass leaves no traces.

        Raises:
            InputError: a batch of another number of samples than labels.
        """
        given = first_of(args)
        if isinstance(given, Tensor) and given.dim() and self._labels is not None and len(given) != len(self._labels):
            raise InputError(f"observe() got {len(self._labels)} labels for a batch of {len(given)} samples")
        if self._plan is not None or self._planning or self._labels is None or model.training or self._found:
            return
        B, shape = len(self._labels), (min(_LOOKED_AT, len(self._labels)), *self._labels.shape[1:])

        def few(given: Any) -> Any:
            whole = isinstance(given, Tensor) and given.dim() > 0 and len(given) == B
            return given[:_LOOKED_AT] if whole else given

        try:
            self.plan(
                lambda: model(*map(few, args), **{name: few(each) for name, each in kwargs.items()}), shape, lambda _: 0
            )
        except Exception:  # whatever a network has against two samples: layers are planned as they come
            self._plan = None

    def _adopt(self, plan: Plan) -> None:
        self.skipped |= plan.skipped
        self.remarks |= plan.remarks
        self.without_matrix += [name for name, within in plan.within.items() if not within]

    def _take(self, name: str, output: Any) -> None:
        """Add a module's output of this pass."""
        if self._labels is None or name in self.skipped:
            return
        try:
            if name in self._seen:
                raise NotMeasurableError(SEVERAL)
            X, place = rows_of(output, self._labels.shape, self._pool)
            if name not in self._found:
                self._begin(name, X, place)
            elif self._found[name].d != X.shape[1]:
                raise NotMeasurableError("its size changes from batch to batch")
        except NotMeasurableError as error:
            self.skipped[name] = str(error)
            self._found.pop(name, None)
            return
        self._seen.add(name)
        y = self._labels.flatten().to(X.device)
        known = y != IGNORED
        X, y = (X, y) if bool(known.all()) else (X[known], y[known])
        self._found[name].add(X, y)
        if name in self._inputs:
            self._agreement.read(X)

    def _begin(self, name: str, X: Float[Tensor, "R d"], place: str) -> None:
        """Start counting a layer as planned; one that is in no plan takes its share of what is left."""
        within = None if self._plan is None else self._plan.within.get(name)
        if within is None:
            room = self._room if name in self._first else self._room // _UNPLANNED_SHARE
            plan = plan_layers([Sighting(name, X.shape[1], place=place)], self._K, room, self._first)
            self._adopt(plan)
            if name in plan.skipped:
                raise NotMeasurableError(plan.skipped[name])
            within = plan.within[name]
            self._room -= plan.bytes
        self._found[name] = StreamingStatistics(self._K, X.shape[1], X.device, within)
        self._ran.append(name)
