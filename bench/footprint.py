"""Runs a program and measures it: seconds, processor time, and the memory of all its processes together."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL_SECONDS = 0.1


@dataclass
class Footprint:
    """What a program took.

    Memory is PSS, by which a page that n processes share counts 1/n in each: forked workers share most of theirs, and
    the sum of RSS would count it again for each of them. Pages of mapped files count while they are in memory.
    """

    seconds: float = 0.0
    main_cpu_seconds: float = 0.0  # of the process that hands out the work: what more workers do not make faster
    workers_cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0  # all processes together
    main_memory_mb: float = 0.0  # of the process that hands out the work, at that peak
    processes: int = 0  # the most at a time
    largest_process_mb: float = 0.0  # the most that any one process had resident, exact, pages that are shared in full

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all processes: what to compare where others are at work on the same machine."""
        return self.main_cpu_seconds + self.workers_cpu_seconds

    def sample(self, main: psutil.Process) -> None:
        """Takes what can be seen now."""
        memory = {process.pid: pss(process) for process in family(main)}
        self.processes = max(self.processes, len(memory))
        if sum(memory.values()) / 1e6 > self.peak_memory_mb:
            self.peak_memory_mb, self.main_memory_mb = sum(memory.values()) / 1e6, memory[main.pid] / 1e6
        try:
            times = main.cpu_times()
        except psutil.NoSuchProcess:
            return
        if times.user:  # a process that has just ended has none
            self.main_cpu_seconds = times.user + times.system


def family(main: psutil.Process) -> list[psutil.Process]:
    """A process and all that it started, as far as they live."""
    try:
        return [main, *main.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [main]


def pss(process: psutil.Process) -> int:
    """Bytes in memory, shared ones by share; 0 of a process that has ended."""
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return 0


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    output: Path | None = None,
    interval_seconds: float = INTERVAL_SECONDS,
) -> Footprint:
    """Runs a program to its end.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        environment: variables beside those of this process.
        output: file for what it prints; without it that goes to stderr.
        interval_seconds: between two looks at its memory, each of which takes some milliseconds of a processor.

    Raises:
        SystemExit: the program failed.
    """
    found, ended = Footprint(), threading.Event()
    started = time.perf_counter()
    with nullcontext(2) if output is None else output.open("wb") as stdout:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=stdout)
    main = psutil.Process(process.pid)

    def watch() -> None:
        while not ended.wait(interval_seconds):
            found.sample(main)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        ended.set()
        watcher.join()
    found.seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    found.largest_process_mb = usage.ru_maxrss * 1024 / 1e6
    found.workers_cpu_seconds = max(usage.ru_utime + usage.ru_stime - found.main_cpu_seconds, 0.0)
    return found
