"""Sequences with a label a token are measured as a dense computation measures their rows; classes may be absent."""

from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nccli.errors import InputError
from nccli.measure.array_set import read_array_set
from nccli.measure.own_network import MeasuredNetwork, measure_network
from nccli.metrics import class_statistics, nearest_class_mean_disagreement, self_duality

VOCABULARY = 50
rng = np.random.default_rng(0)
TOKENS = rng.integers(0, 20, (40, 7))
Pair = namedtuple("Pair", "states scores")  # untyped ones are what libraries return


class TokenModel(nn.Module):
    """Embedding, a recurrent layer that returns tuples, a head; returns a named tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, 6)
        self.rnn = nn.GRU(6, 5, batch_first=True)
        self.head = nn.Linear(5, VOCABULARY)

    def forward(self, x: Tensor) -> Pair:
        """States and scores of every token."""
        states, _ = self.rnn(self.embed(x))
        return Pair(states, self.head(states))


@pytest.fixture
def net() -> TokenModel:
    """With weights that do not change."""
    torch.manual_seed(0)
    return TokenModel().eval()


def measured(path: Path, net: nn.Module, arrays: dict[str, Any]) -> MeasuredNetwork:
    """Of a file with these arrays."""
    np.savez(path / "tokens.npz", **arrays)
    found = read_array_set(path / "tokens.npz")
    assert found is not None
    part = found.train
    return measure_network(net, part, part.K, None, "flatten", "unit", classes=part.outputs)


def test_a_label_a_token_is_a_row_a_token(tmp_path: Path, net: TokenModel) -> None:
    labels = np.where(rng.random(TOKENS.shape) < 0.3, -100, TOKENS * 2 + 5)
    found = measured(tmp_path, net, {"x_train": TOKENS, "y_train": labels})
    known = labels >= 0
    values, classes = np.unique(labels[known], return_inverse=True)
    with torch.no_grad():
        output = net(torch.from_numpy(TOKENS))
    H, scores = output.states.numpy()[known], output.scores.numpy()[known]
    whole = class_statistics(H, classes, len(values))
    (last,) = (layer for layer in found.layers if layer.name == "head.input")
    assert last.dnc1 == pytest.approx(whole.dnc1, rel=1e-6)
    weights = net.head.weight.detach().numpy()[values]
    assert last.self_duality == pytest.approx(self_duality(weights, whole.centred_means), rel=1e-6)
    predicted = scores.argmax(axis=1)
    assert found.accuracy == np.mean(predicted == labels[known])
    inverse = np.full(VOCABULARY, -1)
    inverse[values] = np.arange(len(values))
    assert last.nc4 == nearest_class_mean_disagreement(H, whole.means, inverse[predicted])
    assert [layer.name for layer in found.layers] == ["embed", "rnn", "head.input", "head"]
    assert found.remarks == {"rnn": "'[0]' of its output"}
    assert found.outputs == VOCABULARY


def test_without_labels_the_next_token_is_the_label(tmp_path: Path, net: TokenModel) -> None:
    shifted = measured(tmp_path, net, {"x_train": TOKENS[:, :-1], "y_train": TOKENS[:, 1:]})
    found = measured(tmp_path, net, {"x_train": TOKENS})
    assert [layer.values for layer in found.layers] == [layer.values for layer in shifted.layers]


def test_sequences_may_have_one_label_each(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(VOCABULARY, 3), nn.Flatten(), nn.Linear(21, 2))
    found = measured(tmp_path, net, {"x_train": TOKENS, "y_train": np.array(["yes", "no"])[TOKENS[:, 0] % 2]})
    assert [layer.name for layer in found.layers] == ["0", "1", "2.input", "2"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y_train": TOKENS[:-1]}, "40 inputs and 39 labels"),
        ({"y_train": np.full(TOKENS.shape, -100)}, "no token has a class"),
        ({"x_train": TOKENS + 0.5}, "no array y_train"),
        ({"x_train": np.full((4, 3), np.nan), "y_train": np.arange(4)}, "nan or infinite"),
        ({"y_train": np.full(TOKENS.shape, 99)}, "of one class"),
    ],
)
def test_what_cannot_be_measured_on_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    np.savez(tmp_path / "bad.npz", **{"x_train": TOKENS, **change})
    with pytest.raises(InputError, match=said):
        read_array_set(tmp_path / "bad.npz")


def test_labels_that_the_network_has_no_output_for_are_refused(tmp_path: Path, net: TokenModel) -> None:
    with pytest.raises(InputError, match="the largest of them 60"):
        measured(tmp_path, net, {"x_train": TOKENS, "y_train": np.where(TOKENS == 0, 60, TOKENS)})
