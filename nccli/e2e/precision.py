"""In what precision a network computes while it trains; whatever it is, it is measured in float32."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nccli.catalogue.options import Precision
from nccli.errors import InputError


def require_precision(precision: str, device: str) -> None:
    """Refuse a precision that a device does not have.

    Args:
        precision: one of `nccli.catalogue.options.Precision`.
        device: "cpu", "cuda" or "cuda:1".

    Raises:
        InputError: TF32 where there is no GPU.
    """
    if precision == Precision.TF32 and not device.startswith("cuda"):
        raise InputError("--precision tf32 is for GPUs, and this is a CPU: float32, or bf16")


@contextmanager
def products(precision: str) -> Iterator[None]:
    """Products of float32 matrices in TF32 on a GPU for "tf32", in full for any other; as it was, afterwards.

    PyTorch by itself computes convolutions in TF32, which keeps 10 bits of 23.
    """
    wanted = precision == Precision.TF32
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32, cudnn.allow_tf32 = wanted, wanted
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
