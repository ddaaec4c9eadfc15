"""Too little memory on a GPU ends in one line that names the largest batch that fits; nothing stored is lost."""

from pathlib import Path

import pytest
import torch
from torch import nn

from nccli.cli.entry import run as nccli_main
from nccli.e2e.device_images import DeviceImages, DeviceSet
from nccli.e2e.out_of_memory import largest_batch
from nccli.e2e.together import train_together
from nccli.e2e.train import train_network
from nccli.errors import InputError
from nccli.training.watch import Watch
from tests.cli.sql import query
from tests.e2e.image_files import config_of, image_set, write_npz

IMAGES = image_set()
OWN = """
import torch
from torch import nn

class Large(nn.Sequential):
    most = {most}
    def __init__(self): super().__init__(nn.Flatten(), nn.Linear(64, 6))
    def forward(self, x):
        if self.training and len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return super().forward(x)
"""


class Large(nn.Sequential):
    """A backbone for whose training with more than 11 images there is no memory."""

    most = 11

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As a GPU would have it."""
        if self.training and len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        found: torch.Tensor = super().forward(x)
        return found


class Huge(Large):
    """With any."""

    most = 0


@pytest.mark.parametrize(("most", "too_many"), [(11, 48), (1, 7), (300, 8000), (7999, 8000), (0, 8000), (2, 3)])
def test_the_largest_batch_is_found_to_within_a_sixteenth(most: int, too_many: int) -> None:
    asked: list[int] = []

    def fits(samples: int) -> bool:
        asked.append(samples)
        return samples <= most

    found = largest_batch(fits, too_many)
    assert found <= most
    assert most - found <= max(1, most // 15) or most < 2
    assert all(2 <= samples < too_many for samples in asked)
    assert len(asked) <= 14


def test_a_step_that_does_not_fit_is_refused_with_a_batch_that_does() -> None:
    name = "tests.e2e.test_out_of_memory:Large"
    with pytest.raises(InputError, match=r"a step on 48 images .* more memory .*: --batch-size (10|11) fits"):
        train_network(config_of(IMAGES, backbone=name, batch_size=48), IMAGES)
    assert train_network(config_of(IMAGES, backbone=name, batch_size=10), IMAGES).status == "stopped"
    with pytest.raises(InputError, match="no smaller batch fits"):
        train_network(config_of(IMAGES, backbone="tests.e2e.test_out_of_memory:Huge"), IMAGES)


def test_memory_that_others_take_for_a_while_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(self: object, count: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("nccli.e2e.steps.PlainSteps.advance", taken)
    with pytest.raises(InputError, match="fits into the memory of the GPU by itself, but not beside what else"):
        train_network(config_of(IMAGES), IMAGES)
    with pytest.raises(InputError, match=r"2 networks side by side .*: --one-by-one"):
        list(
            train_together(
                [config_of(IMAGES, seed=seed) for seed in range(2)], DeviceSet(IMAGES, "cpu"), [Watch()] * 2, [None] * 2
            )
        )


def test_images_that_do_not_fit_are_told_with_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("nccli.e2e.device_images.torch.tensor", full)
    with pytest.raises(InputError, match=r"48 images, 3072 bytes, do not fit .*: a smaller --per-class"):
        DeviceImages(IMAGES.train, "cpu")


def test_what_is_stored_stays_and_the_command_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_npz(tmp_path / "own.npz")
    (tmp_path / "roomy_nets.py").write_text(OWN.format(most=20))
    line = "train-e2e --dataset own.npz --backbone roomy_nets:Large --L 3 --width 6 --steps 3 --quiet --format ids"
    assert nccli_main([*line.split(), "--batch-size", "16"]) == 0
    assert nccli_main([*line.split(), "--batch-size", "48", "--seed", "0,1"]) == 2
    err = capsys.readouterr().err
    assert "--batch-size 20 fits" in err or "--batch-size 19 fits" in err
    assert len(err.strip().splitlines()) == 1
    runs = query(tmp_path / "nccli.db", "SELECT status FROM run ORDER BY created")
    assert runs == [{"status": "stopped"}]
    assert query(tmp_path / "nccli.db", "SELECT 1 FROM claim") == []
