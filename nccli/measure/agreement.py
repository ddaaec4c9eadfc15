"""NC4 of a probe: what the network said of samples that pass once, kept until the class means are known."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nccli.measure.nearest_mean import nearest_mean


class Agreement:
    """Keeps what a classifier reads and says, on the CPU, as long as it fits its memory.

    Attributes:
        dropped: whether nothing is kept.
        overflowed: whether that is for want of memory.
    """

    def __init__(self, most_bytes: int) -> None:
        """Nothing seen so far.

        Args:
            most_bytes: above which all is dropped, and NC4 is not told; 0 to keep nothing ever.
        """
        self._room = most_bytes
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._read: Tensor | None = None
        self.dropped = most_bytes == 0
        self.overflowed = False

    def read(self, features: Float[Tensor, "B d"]) -> None:
        """What the classifier is about to read."""
        self._read = features

    @torch.no_grad()
    def said(self, logits: Float[Tensor, "B out"]) -> None:
        """What it put out of that."""
        features, self._read = self._read, None
        if self.dropped or features is None or len(features) != len(logits):
            return
        predicted = logits.argmax(dim=1)
        self._room -= features.numel() * features.element_size() + predicted.numel() * predicted.element_size()
        if self._room < 0:
            self.dropped = self.overflowed = True
            self._kept.clear()
            return
        self._kept.append((features.detach().cpu().clone(), predicted.cpu()))

    @torch.no_grad()
    def disagreement(self, means: Float[Tensor, "K d"], outputs: Int[Tensor, " K"]) -> float | None:
        """The share of samples of which it said another class than the nearest class mean's.

        Args:
            means: of the classes.
            outputs: which of its outputs each class is.

        Returns:
            In [0, 1]; None where not all of the samples were kept.
        """
        if self.dropped or not self._kept:
            return None
        unlike = sum(int((outputs[nearest_mean(X, means)] != said).sum()) for X, said in self._kept)
        return unlike / sum(len(said) for _, said in self._kept)
