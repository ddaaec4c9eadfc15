"""Weights are found in whatever a training loop saved, under whatever prefix, and what was done is said."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nccli.errors import InputError
from nccli.measure.state_file import load_weights


def made(seed: int = 0) -> nn.Module:
    """Two layers with batch normalisation."""
    torch.manual_seed(seed)
    net = nn.Sequential()
    net.add_module("body", nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))
    net.add_module("fc", nn.Linear(4, 2))
    return net


TRAINED = made(1)
STATE = TRAINED.state_dict()


def prefixed(prefix: str, state: dict[str, Tensor] = STATE) -> dict[str, Tensor]:
    """The same with longer names."""
    return {prefix + name: tensor for name, tensor in state.items()}


OPTIMIZER = {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]}
HELD: dict[str, tuple[Any, str]] = {
    "plain": (STATE, ""),
    "net": ({"net": STATE, "epoch": 3}, "under 'net'"),
    "tutorial": ({"model_state_dict": STATE, "optimizer_state_dict": OPTIMIZER, "loss": 0.1}, "'model_state_dict'"),
    "lightning": ({"state_dict": prefixed("model.") | {"loss.weight": torch.ones(2)}}, "left out .* loss.weight"),
    "parallel": (prefixed("module."), "prefix 'module.' taken off"),
    "compiled": (prefixed("_orig_mod."), "'_orig_mod.' taken off"),
    "both": (prefixed("module._orig_mod."), "prefix 'module._orig_mod.' taken off"),
    "part compiled": ({n.replace("body.", "body._orig_mod."): t for n, t in STATE.items()}, "_orig_mod"),
    "deep": ({"state": {"model": prefixed("net.")}}, "under 'state.model'"),
    "named by nobody": ({"generator": STATE, "discriminator": {"w": torch.ones(1)}}, "under 'generator'"),
    "averaged too": ({"model": STATE, "model_ema": STATE}, "fits under model_ema too"),
    "without counters": ({n: t for n, t in STATE.items() if "num_batches" not in n}, ""),
}


@pytest.mark.parametrize(("held", "said"), HELD.values(), ids=HELD)
def test_weights_are_loaded_and_what_was_done_is_said(tmp_path: Path, held: Any, said: str) -> None:
    path, net = tmp_path / "checkpoint.pth", made()
    torch.save(held, path)
    remarks = load_weights(net, path)
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(tensor, STATE[name])
    text = "; ".join(remarks)
    assert bool(text) == bool(said)
    if said:
        assert re.search(said, text)


def test_a_network_inside_another_gets_its_prefix(tmp_path: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in STATE.items()}, tmp_path / "plain.safetensors")
    outer = nn.Sequential()
    outer.add_module("net", made())
    assert load_weights(outer, tmp_path / "plain.safetensors") == ["prefix 'net.' put before all names"]
    torch.testing.assert_close(outer.get_submodule("net.fc").weight, STATE["fc.weight"])


def test_a_parameter_with_two_names_may_stand_in_the_file_once(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    torch.save({"0.weight": torch.eye(3)}, tmp_path / "tied.pt")
    assert load_weights(net, tmp_path / "tied.pt") == []
    torch.testing.assert_close(net[1].weight.detach(), torch.eye(3))


REFUSED: dict[str, tuple[Any, str]] = {
    "other classes": (made().state_dict() | {"fc.weight": torch.ones(5, 4)}, r"fc.weight is \(5, 4\) .* make the"),
    "deeper": (STATE | {"more.weight": torch.ones(2, 2)}, "it has more.weight, which the model has not"),
    "shorter": ({n: t for n, t in STATE.items() if n != "fc.bias"}, "it has no fc.bias: rename"),
    "nothing": ({"epoch": 3, "optimizer": "adam"}, "has the keys epoch, optimizer: save model.state_dict()"),
    "a number": (3, "it holds int"),
    "meta": (STATE | {"fc.bias": torch.ones(2, device="meta")}, "meta tensor"),
}


@pytest.mark.parametrize(("held", "said"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_with_the_cure_and_changes_nothing(tmp_path: Path, held: Any, said: str) -> None:
    torch.save(held, tmp_path / "bad.pt")
    net, before = made(), made().state_dict()
    with pytest.raises(InputError, match=said):
        load_weights(net, tmp_path / "bad.pt")
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(tensor, before[name])
