"""Two processes train one network together: the result is that of one process, up to rounding."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nccli.e2e.train import train_network
from tests.e2e.image_files import config_of, image_set

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from pathlib import Path
import torch
from nccli.e2e.distributed import joined
from nccli.e2e.train import train_network
from nccli.errors import NccliError, StoreError
from tests.e2e.image_files import config_of, image_set

def refuse():
    raise StoreError("no room")

torch.set_num_threads(1)
images = image_set(n=13)
with joined("cpu") as group:
    assert group.size == 2
    try:
        group.leader_does(refuse)
    except NccliError as error:
        Path(sys.argv[1], f"refused{group.rank}").write_text(f"{error.exit_code} {error}")
    for reg, augment in (("dufm", False), ("standard", True)):
        found = train_network(config_of(images, reg=reg, augment=augment), images, group=group)
        layers = [(layer.dnc1, layer.rank, layer.collapse.nc1_pinv) for layer in found.layers]
        if group.leads:
            fields = (found.loss, found.fit, found.reg, found.train_accuracy, found.test_accuracy)
            torch.save({"model": found.model, "fields": fields, "layers": layers}, f"{sys.argv[1]}/{reg}.pt")
    rough = train_network(config_of(images, precision="bf16", steps=2), images, group=group)
    if group.leads:
        torch.save({"loss": rough.loss, "status": rough.status}, f"{sys.argv[1]}/bf16.pt")
threads = [comm.read_text().strip() for comm in Path("/proc/self/task").glob("*/comm")]
Path(sys.argv[1], f"threads{group.rank}").write_text(" ".join(threads))
"""


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes under torchrun found, over gloo, batches of unequal halves included."""
    folder = tmp_path_factory.mktemp("together")
    (folder / "script.py").write_text(SCRIPT)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended = subprocess.run(
        [*launcher, str(folder / "script.py"), str(folder)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.mark.parametrize("reg", ["dufm", "standard"])
def test_two_processes_are_one_up_to_rounding(together: Path, reg: str) -> None:
    images = image_set(n=13)
    alone = train_network(config_of(images, reg=reg, augment=reg == "standard"), images)
    found = torch.load(together / f"{reg}.pt", weights_only=True)
    for name, tensor in alone.model.items():
        torch.testing.assert_close(found["model"][name], tensor, rtol=1e-4, atol=2e-6)
    fields = (alone.loss, alone.fit, alone.reg, alone.train_accuracy, alone.test_accuracy)
    assert found["fields"] == pytest.approx(fields, rel=1e-5)
    for layer, (dnc1, rank, nc1_pinv) in zip(alone.layers, found["layers"], strict=True):
        assert layer.collapse is not None
        assert (dnc1, rank) == (pytest.approx(layer.dnc1, rel=1e-3), layer.rank)
        assert nc1_pinv == pytest.approx(layer.collapse.nc1_pinv, rel=1e-2)


def test_two_processes_train_in_bfloat16_too(together: Path) -> None:
    images = image_set(n=13)
    alone = train_network(config_of(images, precision="bf16", steps=2), images)
    found = torch.load(together / "bf16.pt", weights_only=True)
    assert found["status"] == alone.status == "stopped"
    assert found["loss"] == pytest.approx(alone.loss, rel=0.02)


def test_the_threads_of_the_group_are_gone_before_python_ends(together: Path) -> None:
    """One that lets go of a tensor while Python exits aborts its process, and torchrun then ends the others."""
    if not Path("/proc/self/task").exists():
        pytest.skip("threads are seen in /proc")
    for rank in (0, 1):
        names = (together / f"threads{rank}").read_text()
        assert names, "no thread was seen"
        assert "gloo" not in names


def test_what_the_leader_cannot_do_ends_all_and_the_leader_says_why(together: Path) -> None:
    assert [(together / f"refused{rank}").read_text() for rank in (0, 1)] == ["5 no room", "5 "]
