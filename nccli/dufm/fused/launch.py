"""A kernel on the GPU that PyTorch uses: loaded and launched by `cuda.bindings`."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nccli.dufm.fused.fused_shape import FusedShape
from nccli.dufm.fused.machine_code import KERNEL, done, machine_code

_LANES = 32
"""Threads of a warp."""


class Kernel:
    """`kernel.cu` of one shape, in the context of PyTorch.

    Attributes:
        slots: runs that the GPU holds at a time.
    """

    def __init__(self, shape: FusedShape) -> None:
        """Compile, load and allow it its shared memory.

        Raises:
            ImportError: NVRTC or the driver's bindings are not there.
            OSError: the compiler or the driver refuses.
        """
        from cuda.bindings import driver

        self._driver: Any = driver
        self._threads, self._shared = _LANES * shape.cut.warps, shape.shared
        torch.zeros(1, device="cuda")  # its context becomes the current one
        card = torch.cuda.get_device_properties(torch.cuda.current_device())
        code = machine_code(shape, f"sm_{card.major}{card.minor}", card.shared_memory_per_multiprocessor)
        self._module = self._ask(driver.cuModuleLoadData(code))
        self._function = self._ask(driver.cuModuleGetFunction(self._module, KERNEL.encode()))
        allowed = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        done(driver.cuFuncSetAttribute(self._function, allowed, self._shared), "the CUDA driver")
        blocks = driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(self._function, self._threads, self._shared)
        self.slots = int(self._ask(blocks)) * card.multi_processor_count
        if self.slots == 0:
            raise OSError("the CUDA driver finds no room for a block")

    def launch(self, blocks: int, arguments: "Sequence[Tensor | int | None]") -> None:
        """Launch on PyTorch's present stream.

        Args:
            blocks: how many.
            arguments: of the kernel: memory on the GPU, or nullptr for None, and C's int.

        Raises:
            OSError: the driver refuses.
        """
        given = [ctypes.c_int(a) if isinstance(a, int) else _pointer(a) for a in arguments]
        places = (ctypes.c_void_p * len(given))(*(ctypes.addressof(a) for a in given))
        stream = torch.cuda.current_stream().cuda_stream
        done(
            self._driver.cuLaunchKernel(
                *(self._function, blocks, 1, 1, self._threads, 1, 1),
                *(self._shared, stream, ctypes.addressof(places), 0),
            ),
            "the CUDA driver",
        )

    def _ask(self, answer: Sequence[Any]) -> Any:
        (value,) = done(answer, "the CUDA driver")
        return value


def _pointer(tensor: "Tensor | None") -> ctypes.c_void_p:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())
