"""measure --hessian: verdicts on stored points, and the way on from those that are no minima."""

import pytest

from nccli.catalogue.columns import Role, of_role
from tests.cli.command import Nccli


def test_a_verdict_is_printed_stored_and_queried(run: Nccli) -> None:
    (dnc,) = run("construct --kind dnc --K 2 --L 3 --n 2 --width 3").ids
    (path,) = run("construct --kind graph --graph 0-1,1-2 --L 3 --width 4").ids
    records = run("measure - --hessian --format jsonl", stdin=f"{dnc}\n{path}").records
    found = {record["id"]: record for record in records}
    assert found[dnc]["verdict"] == "minimum"
    assert found[path]["verdict"] == "not_stationary"
    assert found[dnc]["hessian_min"] == found[dnc]["smallest"][0]
    assert run("runs list --where verdict=minimum --format ids").ids == [dnc]
    assert run("runs list --where 'hessian_max>0' --format ids").ids == [dnc]
    (shown,) = run(f"runs show {dnc} --format jsonl").records
    assert {name: shown[name] for name in of_role(Role.LATER)} == {n: found[dnc][n] for n in of_role(Role.LATER)}
    assert run("store check").code == 0


def test_what_is_no_minimum_is_left_for_a_run_below(run: Nccli) -> None:
    (path,) = run("construct --kind graph --graph 0-1,1-2 --L 3 --n 1 --width 3").ids
    ended = run(f"measure {path} --hessian --escape --format jsonl")
    left, *led = ended.records
    assert left["id"] == path
    assert left["escaped_to"] == led[0]["id"]
    assert led[0]["parent"] == path
    assert led[-1]["verdict"] == "minimum"
    assert led[-1]["loss"] < left["loss"]
    assert f"run {path} left against the gradient" in ended.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--escape", "--escape goes with --hessian"),
        ("own.npz --hessian", "own.npz: --hessian is for stored L-DUFM runs and constructions"),
        ("--model a:b --hessian", "a:b: --hessian is for stored L-DUFM runs and constructions"),
    ],
)
def test_second_order_is_of_runs(run: Nccli, options: str, said: str) -> None:
    ended = run(f"measure {options}", code=2)
    assert said in ended.err


def test_an_activation_without_kinks_has_no_verdict(run: Nccli) -> None:
    (key,) = run("train-dufm --K 2 --L 2 --n 1 --width 2 --steps 10 --activation relu-eps --epsilon 0.1").ids
    ended = run(f"measure {key} --hessian", code=2)
    assert f"run {key}: its activation is relu-eps" in ended.err
