"""What a command does not load: nobody waits for torch who does not train."""

from tests.cli.command import Nccli
from tests.cli.conftest import TINY, Made

TRAINING = {"torch", "torchvision"}
HEAVY = TRAINING | {"sqlmodel", "sqlalchemy", "matplotlib", "numpy", "scipy"}


def test_help_loads_nothing_heavy(run: Nccli) -> None:
    _, modules = run.observed(["--help", "--version", "train-dufm --help", "plot --help"])
    for line, loaded in modules.items():
        assert "nccli.cli.entry" in loaded
        assert not loaded & HEAVY, line


def test_a_command_that_trains_nothing_never_loads_torch(grid: Made, run: Nccli) -> None:
    lines = [
        "compare",
        "runs list",
        "store check",
        "construct --kind dnc --K 4 --L 3 --n 2 --width 6 --wd 2e-3",
        f"train-dufm {TINY} --wd 2e-3,4e-3 --seed 0,1",
    ]
    _, modules = run.observed(f"{line} --store {grid.path}" for line in lines)
    for line, loaded in modules.items():
        assert "sqlalchemy" in loaded
        assert not loaded & TRAINING, line
