"""Measuring a network over a whole set in eval mode: loss, accuracy, and class statistics of every layer and stage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from nccli.e2e.device_images import DeviceImages
from nccli.e2e.network import Network
from nccli.e2e.regularizer import Regularizer
from nccli.measure.nearest_mean import nearest_mean
from nccli.measure.streaming import StreamingStatistics
from nccli.metrics import ClassStatistics, LayerData, LayerMetrics, layer_metrics
from nccli.objective import Objective
from nccli.training.group import Group

_BATCH = 512
"""A taste: activations of so many CIFAR images in ResNet20 take 0.2 GB."""

Place = tuple[int, str]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Of one network on one set.

    Attributes:
        fit: 1/N Σ_i ℓ(z_i, y_i); 1/(2N) ‖output − Y‖² for the squared error.
        reg: the regulariser, with ‖H_1‖² over the whole set.
        accuracy: share of samples whose largest output is their class.
        statistics: by layer and stage.
    """

    fit: float
    reg: float
    accuracy: float
    statistics: dict[Place, ClassStatistics]

    @property
    def loss(self) -> float:
        """Fit and regulariser."""
        return self.fit + self.reg

    @property
    def finite(self) -> bool:
        """Whether the loss is a number and every layer had statistics."""
        return bool(np.isfinite(self.loss)) and bool(self.statistics)

    def last_means(self, network: Network) -> tuple[Float[np.ndarray, "K d"], Float[np.ndarray, "K K"]]:
        """Class means of H_L, and of the output, which is linear in H_L."""
        last = network.head.weights[-1].detach().double().cpu().numpy()
        hidden = self.statistics[len(network.head.weights), "post"].means
        return hidden, hidden @ last.T


@torch.no_grad()
def evaluate(
    network: Network,
    data: DeviceImages,
    objective: Objective,
    regularizer: Regularizer,
    group: Group | None = None,
    scatter: bool = False,
) -> Evaluation:
    """Evaluate in eval mode, batch by batch; the processes of a group share the work.

    Args:
        network: on the device of the data; its mode is put back.
        data: the set.
        objective, regularizer: of the run.
        group: the processes.
        scatter: whether to keep covariances too.
    """
    group = group or Group()
    was, device = network.training, data.device
    network.eval()
    found: dict[Place, StreamingStatistics] = {}
    squares, error, right = (torch.zeros((), dtype=torch.float64, device=device) for _ in range(3))
    for index in _shares(len(data), group):
        images, labels = data.batch(index)
        stages, output = network.head.stages(network.features(images))
        target = torch.nn.functional.one_hot(labels, output.shape[1])
        error += objective.total(output.double(), target.double())
        right += (output.argmax(dim=1) == labels).sum()
        squares += stages[0][2].double().square().sum()
        for layer, stage, features in stages:
            if (layer, stage) not in found:
                found[layer, stage] = StreamingStatistics(output.shape[1], features.shape[1], device, scatter)
            found[layer, stage].add(features, labels)
    network.train(was)
    sums = group.total([float(error), float(right), float(squares)], device)
    statistics: dict[Place, ClassStatistics] = {}
    if np.isfinite(sums).all():
        statistics = {place: group.merged(each).result() for place, each in found.items()}
    N = len(data)
    return Evaluation(sums[0] / N, regularizer.value(network, sums[2]), sums[1] / N, statistics)


@torch.no_grad()
def accuracy(network: Network, data: DeviceImages, group: Group | None = None) -> float:
    """Share of samples whose largest output is their class, in eval mode."""
    group = group or Group()
    was = network.training
    network.eval()
    right = torch.zeros((), dtype=torch.float64, device=data.device)
    for index in _shares(len(data), group):
        images, labels = data.batch(index)
        right += (network(images)[1].argmax(dim=1) == labels).sum()
    network.train(was)
    return group.total([float(right)], data.device)[0] / len(data)


@torch.no_grad()
def disagreement(network: Network, data: DeviceImages, last: ClassStatistics, group: Group | None = None) -> float:
    """NC4: share of samples on which the network and the nearest mean of H_L disagree, in a second pass."""
    group = group or Group()
    was = network.training
    network.eval()
    means = torch.from_numpy(last.means).to(data.device)
    unlike = torch.zeros((), dtype=torch.float64, device=data.device)
    for index in _shares(len(data), group):
        images, _ = data.batch(index)
        stages, output = network.head.stages(network.features(images))
        unlike += (nearest_mean(stages[-1][2], means) != output.argmax(dim=1)).sum()
    network.train(was)
    return group.total([float(unlike)], data.device)[0] / len(data)


def measured_layers(
    network: Network,
    evaluation: Evaluation,
    objective: Objective,
    nc4: float | None = None,
    sizes: Sequence[int] | None = None,
) -> list[LayerMetrics]:
    """Metrics of every layer and stage; the single-layer set where statistics have their covariance.

    Args:
        network: that was evaluated.
        evaluation: of it.
        objective: of the run.
        nc4: of the last layer.
        sizes: samples of each class, where these are unequal on purpose.
    """
    about: dict[str, Any] = {"objective": objective.name, "sizes": None if sizes is None else np.array(sizes)}
    weights = [weight.detach().double().cpu().numpy() for weight in network.head.weights]
    layers = []
    for (layer, stage), found in evaluation.statistics.items():
        reader = weights[layer - 1] if stage == "post" else None
        last = stage == "post" and layer == len(weights)
        maker = weights[layer - 2] if layer > 1 else None
        data = LayerData.of(found, reader, nc4 if last else None, reads_out=last, made_by=maker, **about)
        layers.append(layer_metrics(layer, stage, data))
    return layers


def _shares(N: int, group: Group) -> list[Int[np.ndarray, " B"]]:
    """Batches of this process's share of the set."""
    mine = np.array_split(np.arange(N), group.size)[group.rank]
    return np.array_split(mine, max(1, -(-len(mine) // _BATCH))) if len(mine) else []
