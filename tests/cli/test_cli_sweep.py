"""`nccli sweep run FILE.toml`: a file says what command lines say, and nothing is begun where one of them is wrong."""

import json
import shlex
import signal

import pytest

from tests.cli.command import Nccli
from tests.cli.terminal import terminal

TINY = 'command = "train-dufm"\nK = 4\nL = 3\nn = 2\nwidth = 6\nsteps = 60\n'
TWO = f"""
store = "runs.db"
tag = "mine"

[[entry]]
name = "trained"
{TINY}seed = [0, 1]

[[entry]]
name = "built"
command = "construct"
kind = "dnc"
K = 4
width = 6
[[entry.grid]]
L = 3
[[entry.grid]]
L = [3, 4]
wd = 1e-3
tag = "other"
"""


@pytest.fixture
def two(run: Nccli) -> Nccli:
    """The command beside a file of two entries."""
    run.folder.joinpath("two.toml").write_text(TWO)
    return run


def test_a_file_makes_the_runs_of_the_commands_that_it_prints(two: Nccli) -> None:
    lines = two("sweep run two.toml --print").out.splitlines()
    assert lines == [
        "nccli train-dufm --store runs.db --tag mine --K 4 --L 3 --n 2 --width 6 --steps 60 --seed 0,1",
        "nccli construct --store runs.db --tag mine --kind dnc --K 4 --width 6 --L 3",
        "nccli construct --store runs.db --tag other --kind dnc --K 4 --width 6 --L 3,4 --wd 0.001",
    ]
    assert not two.folder.joinpath("runs.db").exists()
    ids = two("sweep run two.toml --quiet").ids
    assert ids == [key for line in lines for key in two(f"{line.removeprefix('nccli ')} --quiet").ids]
    tags = {each["id"]: each["tag"] for each in two("runs list --store runs.db").records}
    assert [tags[key] for key in ids] == ["mine"] * 3 + ["other"] * 2


@pytest.mark.parametrize("dry", ["", "--dry-run"])
def test_records_of_all_entries_are_one_array_and_one_table(two: Nccli, dry: str) -> None:
    ids = two(f"sweep run two.toml --quiet --format ids {dry}").ids
    as_json = two(f"sweep run two.toml --quiet --format json {dry}")
    assert [each["id"] for each in json.loads(as_json.out)] == ids
    assert [row["id"] for row in two(f"sweep run two.toml --quiet --format csv {dry}").rows] == ids
    assert len(ids) == 5
    assert two.folder.joinpath("runs.db").exists() == (not dry)


def test_entries_are_chosen_by_name_and_options_of_the_command_line_come_first(two: Nccli) -> None:
    lines = two("sweep run two.toml --only built --store here.db --force --print").out.splitlines()
    assert [shlex.split(line)[1] for line in lines] == ["construct", "construct"]
    assert all("--store here.db" in line and line.endswith("--force") for line in lines)
    refused = two("sweep run two.toml --only buildt", code=2)
    assert "--only buildt: no entry of two.toml has that name: did you mean 'built'?" in refused.err


def test_options_of_a_cluster_are_given_where_one_carries_it_out(run: Nccli) -> None:
    text = f"slurm = {{partition = 'main', timeout_min = 60}}\n[[entry]]\nname = 'a'\n{TINY}"
    run.folder.joinpath("far.toml").write_text(text + "[[entry.grid]]\nseed = 1\n[[entry.grid]]\nseed = 2\n")
    here = run("sweep run far.toml --print").out.splitlines()
    assert not any("slurm" in line or "name" in line for line in here)
    far = run("sweep run far.toml --print --executor slurm --slurm timeout_min=5 --detach").out.splitlines()
    settings = "--slurm partition=main,timeout_min=60 --slurm timeout_min=5"
    sizes = "--K 4 --L 3 --n 2 --width 6 --steps 60"
    assert far == [
        f"nccli train-dufm {settings} {sizes} --name a-{seed} --seed {seed} --executor slurm --detach"
        for seed in (1, 2)
    ]
    assert "--detach is for --executor slurm" in run("sweep run far.toml --detach", code=2).err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no [[entry]]"),
        ("[[entries]]\ncommand = 'construct'", "it has no [[entry]], a table for each command; it has entries"),
        ("K = ]", "not TOML: Invalid value (at line 1, column 5)"),
        ("[[entry]]\nK = 3", "entry 1: it has no command, one of construct, train-dufm, train-e2e"),
        ("[[entry]]\ncommand = 'train-duf'", "entry 1: command 'train-duf' makes no runs: did you mean"),
        ("[[entry]]\ncommand = 'sweep run'", "entry 1: command 'sweep run' makes no runs: construct, train"),
        (
            "optimizr = 1\n[[entry]]\ncommand = 'train-dufm'",
            "no entry's command has an option 'optimizr': did you mean",
        ),
        ("[[entry]]\nname = 'a'\n" * 2, "entries 1 and 2 are both named 'a'"),
        ("[[entry]]\nname = ''", "entry 1 (): name = '' must be a text"),
        ("wd_h1 = 1\nwd-h1 = 2\n[[entry]]\ncommand = 'construct'", "--wd-h1 is given twice"),
        ("[[entry]]\ncommand = 'construct'\nkind = 'dnc'\nformat = 'ids'", "entry 1: 'format' is not of one command"),
        ("[[entry]]\ncommand = 'construct'\ngrid = 3", "entry 1: grid must be tables"),
        ("[[entry]]\ncommand = 'construct'\nkind = 'dnk'", "entry 1: Invalid value for '--kind': 'dnk' is not one of"),
        (f"[[entry]]\n{TINY}seed = 2024-01-01", "entry 1: --seed: datetime.date(2024, 1, 1) (date) is not what it"),
        (f"[[entry]]\n{TINY}optimiser = 'adam'", "entry 1: train-dufm has no option 'optimiser': did you mean"),
        (f"[[entry]]\n{TINY}polish = 1", "entry 1: --polish: 1 (int) is not what it takes, true or false"),
        (f"[[entry]]\n{TINY}[[entry]]\nname = 'two'\n{TINY}lr = [0.1, -1]", "entry 2 (two): lr = -1.0: must be"),
        (f"[[entry]]\n{TINY}[[entry.grid]]\n[[entry.grid]]\nlr = nan", "entry 1, grid 2: --lr: 'nan' is not a finite"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place_and_nothing_is_begun(run: Nccli, text: str, said: str) -> None:
    run.folder.joinpath("bad.toml").write_text(text)
    refused = run("sweep run bad.toml", code=2)
    assert (refused.out, refused.err.count("\n")) == ("", 1)
    assert f"nccli: bad.toml: {said}" in refused.err
    assert [file.name for file in run.folder.iterdir()] == ["bad.toml"]


def test_a_store_that_cannot_be_made_stops_all_before_the_first_run(run: Nccli) -> None:
    run.folder.joinpath("bad.toml").write_text(f"[[entry]]\n{TINY}[[entry]]\n{TINY}store = 'no/x.db'\n")
    assert "bad.toml: entry 2: cannot make a store at no/x.db" in run("sweep run bad.toml", code=5).err
    assert run("runs list", code=3).ids == []


def test_a_file_that_is_not_there_or_no_file_is_refused(run: Nccli) -> None:
    assert "nccli: none.toml: No such file" in run("sweep run none.toml", code=2).err
    assert "nccli: .: not a regular file" in run("sweep run .", code=2).err


def test_runs_that_diverge_do_not_stop_the_entries_after_them(run: Nccli) -> None:
    text = f"[[entry]]\nname = 'wild'\n{TINY}lr = 1e4\n[[entry]]\n{TINY}"
    run.folder.joinpath("wild.toml").write_text(text)
    ended = run("sweep run wild.toml --quiet", code=4)
    assert len(ended.ids) == 2
    assert "nccli: wild.toml: entry 1 (wild): 1 of 1 runs diverged" in ended.err
    assert ended.err.endswith("nccli: 1 of 2 commands had runs that did not end well\n")


def test_an_interruption_ends_all_entries(run: Nccli) -> None:
    long = TINY.replace("steps = 60", "steps = 2000000000\ntol = 0")
    run.folder.joinpath("long.toml").write_text(f"[[entry]]\n{long}[[entry]]\ncommand = 'construct'\nkind = 'dnc'\n")
    with terminal() as screen, run.start("sweep run long.toml", stderr=screen.end) as training:
        screen.wait_for(r"step [1-9]")
        training.send_signal(signal.SIGINT)
        out, _ = training.communicate(timeout=30)
        shown = screen.drain()
    assert (training.returncode, len(out.split())) == (130, 1)
    assert "long.toml: entry 1: interrupted: 1 of 1 runs interrupted" in shown
    assert "command 2 of 2" not in shown
