"""Machine code of `kernel.cu` for one shape and one kind of GPU, by NVRTC, and kept for next time as the CPU's is.

NVRTC and `cuda.bindings` come with PyTorch for CUDA; neither needs a GPU to compile.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from nccli.dufm.compiler import NOT_KEPT, kept_folder
from nccli.dufm.fused.fused_shape import FusedShape
from nccli.dufm.remarks import remark

KERNEL = "nccli_steps"
_ENDING = ".cubin"
_FLAGS = ("--std=c++17", "-ftz=true", "-fmad=true", "--extra-device-vectorization")
"""Subnormals count as zero, as they do in `kernel.c`."""

_LOG = 300
"""A taste: characters of the compiler's log that an error shows."""


def flags(shape: FusedShape, architecture: str, shared: int) -> list[str]:
    """Options of the compiler.

    Args:
        shape: to compile for.
        architecture: as "sm_90".
        shared: bytes of shared memory of a multiprocessor.
    """
    defines = [f"-D{name}={value}" for name, value in shape.defines(shared).items()]
    return [f"--gpu-architecture={architecture}", *_FLAGS, *defines]


@lru_cache(maxsize=256)
def machine_code(shape: FusedShape, architecture: str, shared: int) -> bytes:
    """The kernel, compiled or as it was kept.

    Args:
        shape, architecture, shared: see `flags`.

    Raises:
        ImportError: NVRTC is not there.
        OSError: it refuses.
    """
    from cuda.bindings import nvrtc

    source, options = files("nccli.dufm.fused").joinpath("kernel.cu").read_text(), flags(shape, architecture, shared)
    version = ".".join(str(part) for part in done(nvrtc.nvrtcVersion(), "NVRTC"))
    key = hashlib.sha256("\0".join((source, *options, version)).encode()).hexdigest()[:24]
    folder = kept_folder()
    found = folder.content(key, _ENDING)
    if found is None:
        found = _compiled(nvrtc, source, options)
        try:
            folder.keep(key, found, _ENDING)
        except OSError as error:  # as on a full disk: it serves this process all the same
            remark(NOT_KEPT, str(error))
    return found


def done(answer: Sequence[Any], who: str) -> tuple[Any, ...]:
    """What a function of `cuda.bindings` returns beside its status.

    Raises:
        OSError: the status is an error.
    """
    status, *values = answer
    if int(status) != 0:
        raise OSError(f"{who} says {getattr(status, 'name', status)}")
    return tuple(values)


def _compiled(nvrtc: Any, source: str, options: Sequence[str]) -> bytes:
    (program,) = done(nvrtc.nvrtcCreateProgram(source.encode(), b"kernel.cu", 0, [], []), "NVRTC")
    try:
        encoded = [option.encode() for option in options]
        (status,) = nvrtc.nvrtcCompileProgram(program, len(encoded), encoded)
        if int(status) != 0:
            (size,) = done(nvrtc.nvrtcGetProgramLogSize(program), "NVRTC")
            log: bytes = b" " * size
            done(nvrtc.nvrtcGetProgramLog(program, log), "NVRTC")
            text = "".join(filter(str.isprintable, log.decode(errors="replace")))[:_LOG]
            raise OSError(f"NVRTC says {getattr(status, 'name', status)}: {text}")
        (size,) = done(nvrtc.nvrtcGetCUBINSize(program), "NVRTC")
        code: bytes = b" " * size
        done(nvrtc.nvrtcGetCUBIN(program, code), "NVRTC")
        return code
    finally:
        nvrtc.nvrtcDestroyProgram(program)
