"""Machines without shared memory, as some containers are: no /dev/shm, or one that takes nothing."""

import shutil
import subprocess

import pytest

from tests.cli.command import Nccli
from tests.e2e.image_files import write_npz

ALONE = ("unshare", "--user", "--map-root-user", "--mount", "bash", "-e", "-c")
MISSING = """
mkdir -p dev
mount -t tmpfs none dev
for name in null zero urandom random; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mount --move dev /dev
test ! -e /dev/shm
"""
READ_ONLY = """
mount -t tmpfs -o ro none /dev/shm
! touch /dev/shm/file 2> /dev/null
"""
DUFM = "train-dufm --K 4 --n 2 --steps 60 --width 6 --L 3 --seed 0,1 --quiet"
E2E = "train-e2e --dataset own.npz --backbone mlp --epochs 2 --together --width 6 --L 3 --seed 0,1 --quiet"


@pytest.mark.parametrize(
    ("state", "line"),
    [pytest.param(READ_ONLY, DUFM, id="read-only"), pytest.param(MISSING, E2E, id="missing", marks=pytest.mark.long)],
)
def test_without_shared_memory_all_is_as_with_it(run: Nccli, state: str, line: str) -> None:
    if shutil.which("unshare") is None or subprocess.run([*ALONE, state], cwd=run.folder, check=False).returncode:
        pytest.skip("no namespaces here, in which /dev could be changed")
    write_npz(run.folder / "own.npz")
    (run.folder / "line.sh").write_text(f"{state}\nnccli {line}\n")
    ended = run.sh(" ".join([*ALONE[:-1], "line.sh"]))
    assert ended.err == ""
    assert set(ended.ids) == set(run("runs list --format ids").ids)
    assert len(ended.ids) == 2
