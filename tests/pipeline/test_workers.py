"""Parallel work in processes: order, errors, and killed processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.workers import WORKERS, cores, mapped, workers
from s2s.errors import UserError

pytestmark = pytest.mark.process

LOST = r"""
import os, time
from pipeline.workers import mapped
def work(number):
    os.write(1, b"%d\n" % os.getpid())  # in one piece, for both write at once
    time.sleep(60)
list(mapped(work, range(2), 2))
"""


def slow_start(number: int) -> int:
    time.sleep(0.05 if number == 0 else 0)
    return number * number


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_order_whatever_the_number_of_processes(processes: int) -> None:
    assert list(mapped(slow_start, range(30), processes)) == [number * number for number in range(30)]


def test_few_chunks_are_drawn_ahead() -> None:
    chunks = iter(range(100))
    results = mapped(slow_start, chunks, 2)
    assert next(results) == 0
    assert next(chunks) < 10


def test_an_error_of_a_worker_is_an_error_here() -> None:
    with pytest.raises(TypeError):
        list(mapped(slow_start, [1, None], 2))  # type: ignore[arg-type]


def test_work_may_refer_to_what_cannot_travel() -> None:
    with Path(__file__).open() as open_file:
        assert list(mapped(lambda number: (number, open_file.closed), range(3), 2)) == [(n, False) for n in range(3)]


def test_a_killed_worker_is_told_in_one_line() -> None:
    with pytest.raises(UserError, match=r"worker: killed, most likely for want of memory; expected enough for 2 proc"):
        list(mapped(lambda number: os.kill(os.getpid(), signal.SIGKILL), range(3), 2))


@pytest.mark.parametrize(("wanted", "expected"), [("3", 3), ("", cores())])
def test_the_environment_says_how_many_work(wanted: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKERS, wanted)
    assert workers() == expected


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_that_is_none_is_refused(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKERS, wanted)
    with pytest.raises(UserError, match=f"S2S_WORKERS: found '{wanted}'; expected a number above 0"):
        workers()


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = subprocess.Popen([sys.executable, "-c", LOST], stdout=subprocess.PIPE)
    assert program.stdout is not None
    workers = [int(program.stdout.readline()) for _ in range(2)]
    program.send_signal(signal.SIGKILL)
    program.wait()
    deadline = time.monotonic() + 20
    while any(is_running(worker) for worker in workers):
        assert time.monotonic() < deadline, "workers live on"
        time.sleep(0.05)
    program.stdout.close()


INTERRUPTED = """
import os, signal, sys, time
from concurrent.futures import ProcessPoolExecutor
from pipeline.workers import mapped
from s2s.program import terminate

fork = ProcessPoolExecutor._launch_processes

def launched(pool):  # before the thread starts that ends the workers
    fork(pool)
    if {early}:
        {send}
        time.sleep(0.2)

ProcessPoolExecutor._launch_processes = launched

def work(number):
    if not {early} and number == 1:
        {send}
    time.sleep(60)

parent = os.getpid()
signal.signal(signal.SIGTERM, terminate)
list(mapped(work, range(9), 2))
"""


@pytest.mark.parametrize("early", [True, False], ids=["while they start", "while they work"])
@pytest.mark.parametrize(
    ("send", "code"),
    [("os.killpg(0, signal.SIGINT)", -signal.SIGINT), ("os.kill(parent, signal.SIGTERM)", 128 + signal.SIGTERM)],
    ids=["Ctrl-C", "kill"],
)
def test_a_signal_ends_all_processes_at_once(send: str, code: int, early: bool) -> None:
    script = INTERRUPTED.format(send=send, early=early)
    program = subprocess.Popen(
        [sys.executable, "-c", script], text=True, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, errors = program.communicate(timeout=30)
    finally:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
    assert program.returncode == code
    assert errors.count("Traceback") == (code < 0), errors  # Python's own of the first process
    with pytest.raises(ProcessLookupError):
        os.killpg(program.pid, 0)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
