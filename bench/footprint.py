"""The cost of a program: seconds, processor time, and the memory of all its processes together."""

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
    """The cost of a program.

    Memory is PSS, in which a page shared by n processes counts 1/n for each: forked workers share most of their pages,
    which a sum of RSS would count several times. Pages of mapped files count while they are in memory.
    """

    seconds: float = 0.0
    main_cpu_seconds: float = 0.0  # the first process, which more workers do not make faster
    workers_cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0  # all processes together
    main_memory_mb: float = 0.0  # the first process, at that peak
    processes: int = 0  # most at the same time
    largest_process_mb: float = 0.0  # largest RSS of a process, exact, shared pages counted in full

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of all processes, which vary less than wall time on a busy machine."""
        return self.main_cpu_seconds + self.workers_cpu_seconds

    def sample(self, main: psutil.Process) -> None:
        """Update the maxima with the present state of a process and its children."""
        memory = {process.pid: pss(process) for process in family(main)}
        self.processes = max(self.processes, len(memory))
        if sum(memory.values()) / 1e6 > self.peak_memory_mb:
            self.peak_memory_mb, self.main_memory_mb = sum(memory.values()) / 1e6, memory[main.pid] / 1e6
        try:
            times = main.cpu_times()
        except psutil.NoSuchProcess:
            return
        if times.user:  # 0 for a process that has just ended
            self.main_cpu_seconds = times.user + times.system


def family(main: psutil.Process) -> list[psutil.Process]:
    """Return a process and its living descendants."""
    try:
        return [main, *main.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [main]


def pss(process: psutil.Process) -> int:
    """Return the PSS of a process in bytes, 0 if it has ended."""
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
    """Run a program to its end and return its cost.

    Args:
        command: the program and its arguments.
        folder: its working directory.
        environment: variables to add to those of this process.
        output: file for its standard output, which goes to stderr by default.
        interval_seconds: time between samples of memory, each of which takes some milliseconds of processor time.

    Raises:
        SystemExit: the program failed.
    """
    footprint, ended = Footprint(), threading.Event()
    started = time.perf_counter()
    with nullcontext(2) if output is None else output.open("wb") as stdout:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=stdout)
    main = psutil.Process(process.pid)

    def watch() -> None:
        while not ended.wait(interval_seconds):
            footprint.sample(main)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        ended.set()
        watcher.join()
    footprint.seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    footprint.largest_process_mb = usage.ru_maxrss * 1024 / 1e6
    footprint.workers_cpu_seconds = max(usage.ru_utime + usage.ru_stime - footprint.main_cpu_seconds, 0.0)
    return footprint
