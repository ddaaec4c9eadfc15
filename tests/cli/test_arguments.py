"""A mapping of names and values says of a command what its command line says, and is refused with the option's name."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from nccli.cli.arguments import arguments, command_line
from nccli.errors import InputError


@pytest.mark.parametrize(
    ("command", "options", "line"),
    [
        ("train-dufm", {"K": 10, "wd": [1e-3, 4e-3], "seed": range(20)}, "--K 10 --wd 0.001,0.004 --seed 0..19"),
        ("train_dufm", {"polish": True, "refine": False, "reduction": False}, "--polish --no-reduction"),
        ("train-dufm", {"no_reduction": True, "lr": None, "seed": [3, 1]}, "--no-reduction --seed 3,1"),
        ("train-dufm", {"schedule": ["cosine", "linear"]}, "--schedule cosine --schedule linear"),
        ("train-dufm", {"wd_h1": 0.1 + 0.2, "from_": "srg"}, "--wd-h1 0.30000000000000004 --from srg"),
        ("train-dufm", {"wd-layers": (1e-3, 2e-3), "keep": ["weights"]}, "--wd-layers 0.001,0.002 --keep weights"),
        ("train-dufm", {"wd-layers": [(1e-3, 2e-3), "1,2"]}, "--wd-layers 0.001,0.002 --wd-layers 1,2"),
        ("train-dufm", {"wd": "1e-3..8e-3:4", "seed": np.arange(4)}, "--wd 1e-3..8e-3:4 --seed 0..3"),
        ("train-dufm", {"K": np.int64(6), "lr": np.array([0.1, 0.25])}, "--K 6 --lr 0.1,0.25"),
        ("train-e2e", {"data_dir": Path("a b"), "together": False}, "--data-dir 'a b' --one-by-one"),
        ("compare", {"runs": ["0a", "-"], "group_by": ["wd", "K"]}, "--group-by wd,K 0a -"),
    ],
)
def test_options_are_given_as_the_command_takes_them(command: str, options: dict[str, object], line: str) -> None:
    assert arguments(command, options)[1:] == shlex.split(line)
    assert shlex.split(command_line(command, options))[2:] == shlex.split(line)


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        ("train-duf", {}, "'train-duf': did you mean 'train-dufm'"),
        ("train-dufm", {"optimiser": "adam"}, "train-dufm has no option 'optimiser': did you mean 'optimizer'"),
        ("train-dufm", {"k": 10}, "did you mean 'K'"),
        ("train-dufm", {"wd_h1": 1, "wd-h1": 2}, "--wd-h1 is given twice"),
        ("train-dufm", {"polish": 1}, "--polish: 1 (int) is not what it takes, true or false"),
        ("train-dufm", {"K": True}, "--K: True (bool) is not what it takes, a value or a list of them"),
        ("train-dufm", {"lr": [0.1, None]}, "--lr: None"),
        ("train-dufm", {"seed": []}, "--seed: an empty list"),
        ("train-dufm", {"from": ["srg", "dnc"]}, "--from: ['srg', 'dnc'] (list)"),
        ("train-dufm", {"wd": {"h1": 1}}, "--wd: {'h1': 1} (dict)"),
        ("construct", {"s": 2.5}, "--s: 2.5 (float) is not what it takes, an integer"),
        ("compare", {"rank_rtol": [1e-2]}, "--rank-rtol: [0.01] (list) is not what it takes, a number"),
    ],
)
def test_what_a_command_does_not_take_is_refused_by_its_name(
    command: str, options: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError) as refused:
        arguments(command, options)
    assert said in str(refused.value)
