"""What is measured of a network on its way and at its end, in float32 whatever it is trained in."""

import math
from typing import Any

from nccli.catalogue.stages import stages
from nccli.e2e.config import E2eConfig
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.evaluation import Evaluation, accuracy, disagreement, evaluate, measured_layers
from nccli.e2e.network import Network
from nccli.e2e.precision import products
from nccli.e2e.regularizer import make_regularizer
from nccli.metrics import LayerMetrics
from nccli.objective import objective_named
from nccli.training.group import Group


class Measuring:
    """Measures one network as it is when it is asked."""

    def __init__(self, config: E2eConfig, network: Network, data: DeviceSet, group: Group) -> None:
        """Of a run; the processes of a group share the work."""
        self._config, self._network, self._data, self._group = config, network, data, group
        self._objective, self._regularizer = objective_named(config.objective), make_regularizer(config)

    def evaluation(self, scatter: bool = False) -> Evaluation:
        """Over the training set, with covariances if `scatter`."""
        self._group.share(list(self._network.buffers()))  # of normalisations that see the share of a process only
        with products("float32"):
            return evaluate(self._network, self._data.train, self._objective, self._regularizer, self._group, scatter)

    def row(self, step: int, evaluation: Evaluation) -> dict[str, Any]:
        """A row of the history, of a finite evaluation."""
        found, order = evaluation.statistics, stages(self._config.L)
        layers = {(layer.layer, layer.stage): layer for layer in self._layers(evaluation)}
        return {
            "step": step,
            "loss": evaluation.loss,
            "fit": evaluation.fit,
            "reg": evaluation.reg,
            "grad_norm": math.nan,
            "dnc1": [found[place].dnc1 for place in order],
            "rank": [layers[place].rank for place in order],
            "train_accuracy": evaluation.accuracy,
        }

    def end(self, evaluation: Evaluation) -> tuple[list[LayerMetrics], float | None]:
        """Metrics of all layers, NC4 included, and the accuracy on the test set where there is one."""
        last, data = evaluation.statistics[self._config.L, "post"], self._data
        with products("float32"):
            unlike = disagreement(self._network, data.train, last, self._group)
            test = None if data.test is None else accuracy(self._network, data.test, self._group)
        return self._layers(evaluation, unlike), test

    def _layers(self, evaluation: Evaluation, nc4: float | None = None) -> list[LayerMetrics]:
        return measured_layers(self._network, evaluation, self._objective, nc4, self._config.class_counts)
