"""Commands as functions of Python: the command line's names, defaults, records and errors, and nothing printed."""

import asyncio
import inspect
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nccli
from nccli.cli.arguments import commands
from nccli.errors import (
    InputError,
    InterruptedRunError,
    NccliError,
    NothingFoundError,
    SomeRunsFailedError,
    SomeRunsFailedWarning,
)
from nccli.store import Store, select_runs
from tests.cli.command import Nccli

TINY: dict[str, Any] = {"K": 4, "L": 3, "n": 2, "width": 6, "steps": 400, "quiet": True}
CALLS = {"train-dufm", "train-e2e", "construct", "measure", "compare"}


def floats(value: Any) -> Any:
    """A record as Python has it, from JSON."""
    if isinstance(value, dict):
        return {key: floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [floats(item) for item in value]
    return float(value) if value in ("nan", "inf", "-inf") else value


def same(found: Any, wanted: Any) -> bool:
    """Equality in which nan is nan."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return found == wanted or (isinstance(wanted, float) and math.isnan(wanted) and math.isnan(found))


def test_records_are_those_of_the_command_line_with_floats_that_are_floats(
    run: Nccli, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = nccli.train_dufm(**TINY, wd=[1e-3, np.float64(4e-3)], seed=range(2))
    assert [(record["wd"], record["seed"]) for record in trained] == [(wd, s) for wd in (1e-3, 4e-3) for s in (0, 1)]
    built = nccli.construct("srg", K=np.array([4, 6]), L=3, quiet=True)
    found = {
        "train-dufm --K 4 --L 3 --n 2 --width 6 --steps 400 --wd 1e-3,4e-3 --seed 0,1": trained,
        "construct --kind srg --K 4,6 --L 3": built,
        f"measure {built[0]['id']}": nccli.measure(built[:1]),
        "compare --where K=4": nccli.compare(where="K=4"),
        "compare --group-by wd --all": nccli.compare(group_by="wd", all=True),
        "compare --theory --K 6..8": nccli.compare(theory=True, K=[6, 7, 8]),
    }
    assert capsys.readouterr().out == ""
    for line, records in found.items():
        assert same(records, floats(run(f"{line} --format jsonl").records)), line
    assert math.inf in {layer["dnc2"] for record in built for layer in record["layers"]}


def test_where_a_store_is_and_which_runs_are_meant(folder: Path) -> None:
    (one,) = nccli.construct("dnc", K=5, store=folder / "other.db")
    assert not Path("nccli.db").exists()
    for runs in (one["id"], one["id"][:5], [one["id"]], one, [one], np.array([one["id"]])):
        assert [record["id"] for record in nccli.compare(runs, store="other.db")] == [one["id"]]


def test_a_signature_has_the_names_of_the_command_line_and_help_what_they_mean() -> None:
    for command in CALLS:
        function = getattr(nccli, command.replace("-", "_"))
        shape = inspect.signature(function)
        words = " ".join(inspect.unwrap(getattr(nccli.notebook, command.replace("-", "_"))).__doc__.split())
        for parameter in commands()[command].params:
            if parameter.name == "format":
                continue
            flag = max(parameter.opts, key=len).strip("-").replace("-", "_")
            assert {flag, f"{flag}_"} & set(shape.parameters), flag
            assert " ".join(str(parameter.help).split()) in words
    assert inspect.signature(nccli.train_dufm).parameters["wd"].default == 4e-3
    assert inspect.signature(nccli.construct).parameters["kind"].default is inspect.Parameter.empty


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda: nccli.train_dufm(Kk=10), InputError, "did you mean 'K'"),
        (lambda: nccli.train_dufm(K="ten"), InputError, "'ten'"),
        (lambda: nccli.train_dufm(lr=-1), InputError, "lr"),
        (lambda: nccli.train_dufm(wd=[]), InputError, "empty"),
        (lambda: nccli.train_dufm(device="tpu"), InputError, "'tpu'"),
        (lambda: nccli.train_dufm(format="table"), InputError, "format"),
        (nccli.construct, InputError, "--kind"),
        (lambda: nccli.construct("wheel"), InputError, "'wheel'"),
        (lambda: nccli.compare("ffff"), NothingFoundError, "no store at nccli.db"),
        (lambda: nccli.compare([]), InputError, "empty"),
        (lambda: nccli.measure("no.npz"), InputError, "no.npz"),
        (lambda: nccli.compare("ffff", "eeee"), TypeError, "2 values"),
    ],
)
def test_errors_are_those_of_the_command_line(call: Callable[[], Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        call()
    assert str(caught.value).count("\n") <= 1
    assert not Path("nccli.db").exists()


def test_an_error_says_what_the_command_line_says(run: Nccli) -> None:
    for line, call in {
        "train-dufm --K 0": lambda: nccli.train_dufm(K=0),
        "train-dufm --wd 1e-3,x": lambda: nccli.train_dufm(wd="1e-3,x"),
        "compare --where wd=x": lambda: nccli.compare(where="wd=x"),
        "construct --kind graph": lambda: nccli.construct("graph"),
    }.items():
        with pytest.raises(NccliError) as caught:
            call()
        assert run(line, code=caught.value.exit_code).err == f"nccli: {caught.value}\n"


def test_runs_that_diverged_are_records_and_a_warning() -> None:
    with pytest.warns(SomeRunsFailedWarning, match="1 of 2 runs diverged") as warned:
        found = nccli.train_dufm(**TINY, lr=[0.5, 1e9])
    assert [record["status"] for record in found] == ["stopped", "diverged"]
    assert math.isnan(found[1]["loss"]) or found[1]["loss"] == math.inf
    assert [Path(each.filename) for each in warned] == [Path(__file__)]


def test_files_that_cannot_be_measured_are_named_and_the_rest_is_returned() -> None:
    np.savez("good.npz", features=np.eye(4), labels=np.arange(4))
    Path("bad.npz").write_bytes(b"no archive")
    with pytest.warns(SomeRunsFailedWarning) as warned:
        (record,) = nccli.measure(["good.npz", "bad.npz"], quiet=True)
    assert record["kind"] == "features"
    assert any("bad.npz" in str(each.message) for each in warned)
    with pytest.raises((InputError, SomeRunsFailedError)):
        nccli.measure("bad.npz")


def test_quiet_is_quiet_and_notes_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    nccli.train_dufm(**TINY)
    assert capsys.readouterr() == ("", "")
    nccli.train_dufm(**{**TINY, "quiet": False})
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("note: ")


def test_a_running_loop_and_another_thread_do_no_harm() -> None:
    async def cell() -> list[dict[str, Any]]:
        return nccli.train_dufm(**TINY, seed=1)

    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(nccli.train_dufm(**TINY, seed=2)))
    thread.start()
    thread.join()
    assert [record["seed"] for record in [*asyncio.run(cell()), *found]] == [1, 2]


def test_an_interrupt_stops_stores_and_is_raised() -> None:
    before = signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        while not Path("nccli.db").exists() or not _statuses():
            time.sleep(0.05)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        nccli.train_dufm(**{**TINY, "steps": 10**9})
    thread.join()
    assert isinstance(caught.value.__cause__, InterruptedRunError)
    assert _statuses() == ["interrupted"]
    assert signal.getsignal(signal.SIGINT) is before


def _statuses() -> list[str]:
    try:
        with Store.open("nccli.db").read() as connection:
            return [row["status"] for row in select_runs(connection)]
    except NccliError:
        return []


def test_search_is_a_package_and_a_function() -> None:
    (record,) = nccli.search(K=2, L=3, budget=0.1, quiet=True)
    import nccli.search.config as module

    assert module.SearchConfig(2, 3, 1, 4e-3, (4e-3,) * 3, budget=0.1).as_dict() == record["config"]
    assert callable(nccli.search)


def test_measure_is_a_package_and_a_function() -> None:
    import nccli.measure.probe as module

    assert module.LayerProbe is sys.modules["nccli.measure.probe"].LayerProbe
    assert nccli.measure is sys.modules["nccli.measure"]
    assert callable(nccli.measure)
    assert {"train_dufm", "frame", "measure"} <= set(dir(nccli))
