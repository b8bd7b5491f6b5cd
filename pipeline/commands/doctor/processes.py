"""Processes that work in this checkout, and DVC's lock of it."""

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = Path(".dvc/tmp/lock")
PATIENCE_SECONDS = 10.0  # DVC takes 0.4 s to write a dvc.lock of 2,000 lines on a busy machine
WORKER = re.compile(r"(.*/)?(dvc|snakemake|s2s)$|pipeline(\.(stages|serving\.package|commands)\b.*)?$")
"""First arguments of a Python process that runs an engine, a stage or a command."""


def at_work() -> list[str]:
    """Return engines, stages and commands that run in this checkout on this machine, as `dvc (process 12)`.

    The caller and the processes that started it are left out, and so are recorders, which outlive their stages.
    """
    import psutil  # noqa: PLC0415 (a healthy checkout does not need it)

    root = Path.cwd()
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    workers = []
    for process in psutil.process_iter(["pid", "cwd", "cmdline"]):
        facts = process.info
        programs = [word for word in (facts["cmdline"] or [])[1:4] if WORKER.match(word)]
        if programs and facts["pid"] not in own and facts["cwd"] and Path(facts["cwd"]).is_relative_to(root):
            workers.append(f"{Path(programs[0]).name} (process {facts['pid']})")
    return workers


@contextmanager
def dvc_lock() -> Iterator[bool]:
    """Hold DVC's lock within the block, and yield False if another process keeps it for `PATIENCE_SECONDS`."""
    try:
        descriptor = os.open(LOCK, os.O_RDWR)
    except FileNotFoundError:
        yield True
        return
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (is_held := attempt(descriptor)) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield is_held
    finally:
        os.close(descriptor)


def attempt(descriptor: int) -> bool:
    """Take the lock of an open file as DVC does, and return False if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
