"""Prefetching keeps the order, makes few values in advance, and leaves no thread running."""

import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from s2s.data.prefetch import prefetched

ROOT = Path(__file__).parents[3]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def settled(made: list[int]) -> list[int]:
    """Return the values made, once no more are made."""
    count = -1
    while count != len(made):
        count = len(made)
        time.sleep(0.05)
    return list(made)


def uneven(item: int) -> int:
    """Return the double of an item, later for some items than for those after them."""
    time.sleep(0.002 * (item % 3))
    return item * item


@pytest.mark.parametrize("ahead", [0, 1, 4, 100])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_all_things_come_in_order(count: int, ahead: int) -> None:
    assert list(prefetched(uneven, range(count), ahead)) == [item * item for item in range(count)]
    assert threads() == []


def test_the_next_are_made_while_the_caller_computes() -> None:
    made = threading.Event()
    for item in prefetched(lambda item: made.set() if item == 1 else None, range(2)):
        assert item is None
        assert made.wait(timeout=10), "the second is made while the caller has the first"


@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_no_more_is_made_in_advance_than_asked_for(ahead: int) -> None:
    made: list[int] = []
    with closing(prefetched(made.append, range(20), ahead)) as things:
        for taken, _ in zip(range(1, 4), things, strict=False):
            assert settled(made) == list(range(taken + ahead))


def test_an_exception_comes_in_the_place_of_its_thing() -> None:
    def make(item: int) -> float:
        return 1 / (2 - item)

    values: list[float] = []
    with pytest.raises(ZeroDivisionError):
        values.extend(prefetched(make, range(5)))
    assert values == [0.5, 1.0]
    assert threads() == []


def test_an_exception_of_the_items_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        list(prefetched(uneven, (1 // (2 - item) for item in range(5))))
    assert threads() == []


def test_leaving_the_loop_ends_the_thread() -> None:
    made: list[int] = []
    for _ in prefetched(made.append, range(1000)):
        break
    assert threads() == []
    assert len(made) <= 5


def test_an_exit_ends_the_thread_at_once_where_the_loop_is_closed() -> None:
    with pytest.raises(SystemExit), closing(prefetched(uneven, range(1000))) as things:
        for _ in things:
            sys.exit(3)
    assert threads() == []


ENDLESS = """
import itertools, sys
from s2s.data.prefetch import prefetched
for _ in prefetched(str, itertools.count()):
    sys.exit(3)
"""


def test_a_program_that_exits_in_the_loop_ends() -> None:
    assert subprocess.run([sys.executable, "-c", ENDLESS], cwd=ROOT, timeout=20, check=False).returncode == 3
