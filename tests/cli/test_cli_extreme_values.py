"""Numbers and names beyond all measure end with 2 and one line, whatever the option."""

import pytest

from tests.cli.command import Nccli

DUFM = "train-dufm --K 3 --L 3 --n 2 --width 4 --steps 20 --quiet"
HUGE = ("1e308", "1e39", "1e-31", "-1", "0", "nan", "inf", "")


@pytest.mark.parametrize("option", ["lr", "wd", "wd-h1", "init-scale", "epsilon --activation relu-eps"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_settings_that_no_type_can_carry_are_refused(run: Nccli, option: str, dtype: str) -> None:
    name, *more = option.split(" ", 1)
    for value in ("1e308", "1e300", "1e31", "1e-31", "1e-308", "0", "-1", "nan", "inf"):
        err = run(f"{DUFM} --dtype {dtype} {''.join(more)} --{name}={value}", code=2).err
        assert err.count("\n") == 1
        assert name in err or value in err
    assert not (run.folder / "nccli.db").exists()


@pytest.mark.parametrize("option", ["K", "L", "n", "width", "steps", "seed"])
def test_whole_numbers_that_no_store_holds_are_refused(run: Nccli, option: str) -> None:
    for value in ("-1", str(2**63), str(10**30), "", "1.5", "9" * 5000):
        err = run(f"{DUFM} --{option}={value}", code=2).err
        assert err.count("\n") == 1
        assert len(err) < 700


def test_the_largest_seed_is_a_seed(run: Nccli) -> None:
    (record,) = run(f"{DUFM} --seed {2**63 - 1} --format jsonl").records
    assert record["seed"] == 2**63 - 1


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize(
    "line", ["construct --kind srg --K 6 --wd-h1", "compare --theory --wd", "plot loss-ratio --wd"]
)
def test_closed_forms_refuse_them_too(run: Nccli, line: str, value: str) -> None:
    assert run(f"{line}={value}", code=2).err.count("\n") <= 2


@pytest.mark.parametrize("limit", [-1, 2**63 - 1, 10**30])
def test_a_limit_is_a_number_of_runs(run: Nccli, limit: int) -> None:
    run("construct --kind dnc --K 4")
    assert run(f"runs list --limit={limit}", code=2).err.count("\n") == 1


NAMED = (
    *("runs list --store {}", "construct --kind dnc --K 4 --store {}", "store backup {}", "store merge {}"),
    *(
        "runs import {}",
        "runs export -o {}",
        "construct --kind dnc --K 4 --export {}",
        "construct --kind graph --graph {}",
    ),
    *("train-e2e --dataset {}", "train-e2e --dataset mnist --no-download --data-dir {}", "measure {}", "plot {}"),
    *("plot loss-ratio -o {}", "plot loss-ratio -o a.pdf --data {}", "train-dufm --schedule {}"),
)


@pytest.mark.parametrize("line", NAMED)
@pytest.mark.parametrize("name", ["a" * 300, "ä" * 200, "a" * 10**5], ids=["300", "umlauts", "long"])
def test_names_that_no_file_can_have_end_with_one_short_line(run: Nccli, line: str, name: str) -> None:
    run("construct --kind dnc --K 4")
    ended = run(line.format(name), code=2)
    assert ended.err.startswith("nccli: ")
    assert len(ended.err.splitlines()[0]) <= 620


def test_a_store_named_by_the_environment_is_held_to_the_same(run: Nccli) -> None:
    assert "File name too long" in run("runs list", code=2, NCCLI_STORE="a" * 300).err


@pytest.mark.parametrize("line", ["runs list --format x", "construct --kind x", "measure a.npz --pool x"])
def test_a_choice_that_is_none_is_said_plainly(run: Nccli, line: str) -> None:
    err = run(line, code=2).err
    assert ": 'x' is not one of '" in err
    assert "Value error" not in err
