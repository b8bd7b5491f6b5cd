"""Progress with the remaining time: a live bar on a terminal, or lines in a log."""

import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from s2s.errors import printable

HEARTBEAT_SECONDS = 15.0  # between lines in a log


class Meter:
    """A display of the progress of a long task."""

    def __init__(self, title: str, total: float) -> None:
        self.title, self.total = printable(title), total
        self.started = self.printed = time.monotonic()
        self.first: float | None = None  # work done before, by a resumed run, is left out of the rate
        self.bar: Progress | None = None
        self.task = TaskID(0)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[text]}", markup=False),
            )
            self.bar = Progress(*columns, console=Console(stderr=True))
            self.task = self.bar.add_task(self.title, total=self.total, text="")
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def update(self, done: float, text: str = "", now: bool = False) -> None:
        """Show how much of the total is done, even shortly after the last line of a log if `now`."""
        text = printable(text)
        if self.first is None:
            self.first, self.started = done, time.monotonic()
        if self.bar is not None:
            self.bar.update(self.task, completed=done, total=self.total, text=text)  # the total may change
        elif now or time.monotonic() - self.printed >= HEARTBEAT_SECONDS:
            self.printed = time.monotonic()
            print(f"{self.title}: {done / self.total:4.0%}, {text}{self.remaining(done)}", file=sys.stderr, flush=True)

    def remaining(self, done: float) -> str:
        """Return the remaining time at the rate so far, as text for a line of the log, or ""."""
        progress = done - (self.first or 0.0)
        if progress <= 0 or done >= self.total:
            return ""
        seconds = (time.monotonic() - self.started) * (self.total - done) / progress
        return f", {seconds / 60:.0f} min left" if seconds >= 90 else f", {seconds:.0f} s left"


@dataclass(frozen=True)
class Machine:
    """The resources that a process of a training has used."""

    memory_mb: float  # largest resident size
    gpu_memory_mb: float  # largest allocated size; 0 without a GPU
    cpu_percent: float  # of one core, since the process started


@dataclass(frozen=True)
class Status:
    """The numbers of a report, which is made every few seconds and after each evaluation."""

    epoch: float
    epochs: float
    update: int
    learning_rate: float
    train_perplexity: float  # since the last report; after an evaluation, since the evaluation before
    gradient_norm: float  # mean over the same updates
    source_tokens: int  # since the last report
    target_tokens: int  # since the last report, with </s>
    seconds: float  # since the last report
    machines: tuple[Machine, ...]  # by rank
    dev_perplexity: float | None = None  # only after an evaluation


class Watcher(Protocol):
    """A receiver of reports, which shows or records them."""

    def status(self, status: Status) -> None:
        """Receive the numbers of a report."""

    def say(self, text: str) -> None:
        """Receive a remark that the user should see."""


class Silent:
    """A watcher that ignores all reports."""

    def status(self, status: Status) -> None:
        """Ignore a report."""

    def say(self, text: str) -> None:
        """Ignore a remark."""
