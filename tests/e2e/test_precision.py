"""TF32 is on where it is asked for, off where float32 is, and afterwards as it was."""

import pytest
import torch

from nccli.e2e.precision import products, require_precision
from nccli.errors import InputError


def switches() -> tuple[bool, bool]:
    """PyTorch's two."""
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("before", [(False, True), (True, False), (True, True), (False, False)])
@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_products_are_as_asked_for_and_then_as_before(before: tuple[bool, bool], precision: str) -> None:
    found = switches()
    try:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
        with products(precision):
            assert switches() == ((precision == "tf32"),) * 2
            with products("float32"):
                assert switches() == (False, False)
            assert switches() == ((precision == "tf32"),) * 2
        assert switches() == before
        with pytest.raises(KeyError), products(precision):
            raise KeyError
        assert switches() == before
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = found


def test_tf32_is_for_gpus() -> None:
    for precision in ("float32", "bf16"):
        require_precision(precision, "cpu")
    require_precision("tf32", "cuda:1")
    with pytest.raises(InputError, match="tf32 is for GPUs"):
        require_precision("tf32", "cpu")
