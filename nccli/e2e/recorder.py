"""Work on a GPU recorded once as a CUDA graph and replayed, as PyTorch wants it done.

Not run on a GPU since it was written in this form: the prototype that it follows was (torch 2.11, H100).
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class CannotCaptureError(Exception):
    """Why work cannot be recorded; users see it in a note."""


class Recorder(Protocol):
    """Records what a device does."""

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do work so that all that is done once only is done: libraries are loaded, kernels chosen and compiled."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """What repeats the work, on the same memory; it is not done now.

        Raises:
            CannotCaptureError: the work asks the device for something, or what else cannot be recorded.
        """

    def wait(self) -> None:
        """Until all is done that the device was given."""

    def drawn(self) -> Tensor:
        """State of the random numbers of the device: another one after some were drawn."""

    def seed(self, number: int) -> None:
        """Begin with these random numbers, also in what is replayed."""


class CudaRecorder:
    """Records CUDA graphs, which share their memory."""

    def __init__(self, device: torch.device) -> None:
        """On a GPU."""
        self._device, self._graphs = device, list[torch.cuda.CUDAGraph]()

    def warm_up(self, work: Callable[[], None]) -> None:
        """As `Recorder.warm_up`: on a stream of its own, with the fastest convolutions that cuDNN finds."""
        before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = True
        try:
            stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(stream):
                work()
            torch.cuda.current_stream(self._device).wait_stream(stream)
            self.wait()
        finally:
            torch.backends.cudnn.benchmark = before

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """As `Recorder.record`."""
        graph = torch.cuda.CUDAGraph()
        pool = self._graphs[0].pool() if self._graphs else None
        before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = True  # what was found while warming up
        try:
            with torch.cuda.graph(graph, pool=pool):
                work()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # whatever a stream that is being captured does not allow
            self.wait()
            raise CannotCaptureError(" ".join(str(error).split())[:120]) from error
        finally:
            torch.backends.cudnn.benchmark = before
        self._graphs.append(graph)
        return graph.replay

    def wait(self) -> None:
        """As `Recorder.wait`."""
        torch.cuda.synchronize(self._device)

    def drawn(self) -> Tensor:
        """As `Recorder.drawn`."""
        return torch.cuda.get_rng_state(self._device)

    def seed(self, number: int) -> None:
        """As `Recorder.seed`."""
        torch.cuda.manual_seed(number)
