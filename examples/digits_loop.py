"""A training loop as anybody has one: a small network on scikit-learn's digits, probed after some of its epochs."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from nccli.measure.probe import LayerProbe

EPOCHS = (0, 1, 2, 3, 4, 6, 8, 10) if os.environ.get("QUICK") else (0, 1, 2, 5, 10, 20, 50, 100)
"""After which the network is measured."""


def make_network() -> nn.Sequential:
    """What `nccli measure --model digits_loop:make_network` calls."""
    torch.manual_seed(0)
    layers = nn.Sequential()
    for name, module in (
        *(("flat", nn.Flatten()), ("fc1", nn.Linear(64, 64)), ("relu1", nn.ReLU())),
        *(("fc2", nn.Linear(64, 64)), ("relu2", nn.ReLU()), ("fc3", nn.Linear(64, 64)), ("relu3", nn.ReLU())),
        ("out", nn.Linear(64, 10)),
    ):
        layers.add_module(name, module)
    return layers


def load_parts() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images (N, 1, 8, 8) and labels to train on, and every fifth of both to test on."""
    images, labels = load_digits(return_X_y=True)
    test = np.arange(len(labels)) % 5 == 4
    X, y = torch.from_numpy(images.reshape(-1, 1, 8, 8) / 16).float(), torch.from_numpy(labels)
    return X[~test], y[~test], X[test], y[test]


def epochs(measured: tuple[int, ...] = EPOCHS) -> Iterator[tuple[int, nn.Module, dict[str, float]]]:
    """Train, and after each of these epochs yield it, the network and what the probe logs of the training set."""
    X, y, *_ = load_parts()
    network = make_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for epoch in range(max(measured) + 1):
        if epoch in measured:
            network.eval()
            with torch.no_grad(), LayerProbe(network, K=10, layers="fc|out", classifier="out") as probe:
                for images, labels in zip(X.split(256), y.split(256), strict=True):
                    probe.observe(labels)
                    network(images)
            yield epoch, network, probe.log("train/")
            network.train()
        for batch in torch.randperm(len(X)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(X[batch]), y[batch]).backward()
            optimizer.step()


def save_checkpoints(folder: Path, measured: tuple[int, ...] = EPOCHS) -> None:
    """ep0.pt, ep1.pt, …, and the data as `nccli measure --dataset digits.npz` reads them."""
    X, y, X_test, y_test = load_parts()
    np.savez(folder / "digits.npz", x_train=X.numpy(), y_train=y.numpy(), x_test=X_test.numpy(), y_test=y_test.numpy())
    for epoch, network, _ in epochs(measured):
        torch.save(network.state_dict(), folder / f"ep{epoch}.pt")
