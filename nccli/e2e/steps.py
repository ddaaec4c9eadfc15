"""Steps of a descent, taken one by one, or as CUDA graphs where there is a GPU."""

from typing import Protocol

import torch

from nccli.e2e.descent import Descent


class Steps(Protocol):
    """Takes steps.

    Attributes:
        most: steps that may be taken between two looks at whoever watches.
    """

    most: int

    def advance(self, count: int) -> None:
        """So many steps; the samples of all of them are its business."""


class PlainSteps:
    """Launched kernel by kernel from Python: on a CPU, under torchrun, and where no graph can be made."""

    most = 1

    def __init__(self, descent: Descent) -> None:
        """Of these runs."""
        self._descent = descent
        # torch.manual_seed writes down the stack of calls for every kind of device that is not there.
        alone = descent.flat.values.device.type == "cpu"
        self._seed = torch.default_generator.manual_seed if alone else torch.manual_seed

    def advance(self, count: int) -> None:
        """As `Steps.advance`. What networks draw at random is drawn anew at each step, from its seed."""
        for _ in range(count):
            self._descent.fill()
            self._seed(self._descent.noise())
            self._descent.take()
            self._descent.step += 1
