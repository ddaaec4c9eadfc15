"""A Slurm cluster for the tests that ask for one, and a folder with the command in it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Nccli
from tests.cluster.slurm_cluster import PACKAGES, SlurmCluster, install, missing, slurm_cluster


@pytest.fixture
def cluster(session_cluster: SlurmCluster) -> Iterator[SlurmCluster]:
    """The cluster, on which nothing waits or runs."""
    yield session_cluster
    session_cluster.clear()


@pytest.fixture(scope="session")
def session_cluster() -> Iterator[SlurmCluster]:
    """A cluster that this session started. Where NCCLI_CI is set it is installed for it, and must be there."""
    if missing() and os.environ.get("NCCLI_CI"):
        install()
        assert not missing(), f"{', '.join(missing())} could not be installed"
    if missing():
        pytest.skip(f"Slurm is not installed (no {missing()[0]}): apt-get install {' '.join(PACKAGES)}")
    with slurm_cluster() as found:
        yield found


@pytest.fixture
def run(tmp_path: Path) -> Nccli:
    """The command, in an empty folder."""
    return Nccli(tmp_path, installed=True)
