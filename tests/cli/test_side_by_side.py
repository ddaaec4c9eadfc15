"""Work shared out to processes: its results come in order, and nothing of the crew is left behind."""

import multiprocessing
import os
import signal
import time

import pytest

from nccli.cli.side_by_side import in_order
from nccli.errors import InputError, NccliError


def slow_first(piece: int) -> int:
    """The first pieces take longest."""
    time.sleep(0.05 if piece < 2 else 0.0)
    return piece * piece


def refuse(piece: int) -> int:
    """Three is not to be had."""
    if piece == 3:
        raise InputError("three is refused")
    return piece


def die(piece: int) -> int:
    """As for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return piece


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 11])
def test_results_come_in_the_order_of_the_work(processes: int, count: int) -> None:
    assert list(in_order(slow_first, range(count), processes)) == [i * i for i in range(count)]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_piece_raises_is_raised_in_its_place(processes: int) -> None:
    found = in_order(refuse, range(6), processes)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match="three is refused"):
        next(found)
    assert not multiprocessing.active_children()


def test_a_killed_process_is_told_of() -> None:
    with pytest.raises(NccliError, match="killed, perhaps for want of memory"):
        list(in_order(die, range(4), 2))
    assert not multiprocessing.active_children()


def test_who_reads_no_further_leaves_no_process_behind() -> None:
    found = in_order(slow_first, range(1000), 2)
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]  # a generator
    assert not multiprocessing.active_children()
