"""What is added to the fit (theory sheet, section 4): a part that depends on features, a part that is weight decay.

The gradient of λ/2 ‖W‖² is λW, which the step adds by itself; only λ_{H_1}/2 ‖H_1‖² goes through autograd.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from torch import Tensor, nn

from nccli.e2e.config import E2eConfig
from nccli.e2e.network import Network


class Regularizer(ABC):
    """Weight decay of the features and of each parameter."""

    def __init__(self, config: E2eConfig) -> None:
        """Of a run."""
        self._config = config

    @property
    def h1(self) -> float:
        """λ_{H_1}, on the sum of squares over all N training samples; a mini-batch of B estimates it by N/B its own."""
        return self._config.wd_h1

    @abstractmethod
    def decays(self, network: Network) -> Iterator[tuple[nn.Parameter, float]]:
        """Every parameter of the network with its weight decay."""

    def value(self, network: Network, h1_squares: float) -> float:
        """The regulariser, given Σ ‖h_1‖² over all training samples."""
        squares: list[Tensor] = []
        for parameter, decay in self.decays(network):
            if decay:
                squares.append(decay / 2 * parameter.detach().double().square().sum())
        return float(sum(squares)) + self.h1 / 2 * h1_squares


class DufmRegularizer(Regularizer):
    """λ_{W_l} on the head; nothing on the backbone but through its output."""

    def decays(self, network: Network) -> Iterator[tuple[nn.Parameter, float]]:
        """The backbone at 0, the head at λ_{W_l}."""
        yield from ((parameter, 0.0) for parameter in network.backbone.parameters())
        yield from zip(network.head.weights, self._config.wd_layers, strict=True)


class StandardRegularizer(Regularizer):
    """λ on every parameter, biases and normalisation included."""

    def decays(self, network: Network) -> Iterator[tuple[nn.Parameter, float]]:
        """All at λ."""
        yield from ((parameter, self._config.wd_layers[0]) for parameter in network.parameters())


def make_regularizer(config: E2eConfig) -> Regularizer:
    """The regulariser that a configuration names."""
    return {"dufm": DufmRegularizer, "standard": StandardRegularizer}[config.reg](config)
