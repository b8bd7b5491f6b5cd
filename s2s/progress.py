"""Progress with an ETA: a live bar on a terminal, a line now and then in a log."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

HEARTBEAT_SECONDS = 15.0  # between lines in a log: enough to see life, too few to flood it


class Meter:
    """Shows how far a long piece of work is."""

    def __init__(self, title: str, total: float) -> None:
        self.title, self.total, self.text = title, total, ""
        self.started = self.said = time.monotonic()
        self.first: float | None = None  # work that was done before, of a resumed run, has no rate
        self.bar: Progress | None = None
        self.task = TaskID(0)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[text]}"),
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
        """Tells how much of the total is done; `now` says it even if a line has just been written."""
        if self.first is None:
            self.first, self.started = done, time.monotonic()
        if self.bar is not None:
            self.bar.update(self.task, completed=done, total=self.total, text=text)  # the total may change
        elif now or time.monotonic() - self.said >= HEARTBEAT_SECONDS:
            self.said = time.monotonic()
            print(f"{self.title}: {done / self.total:4.0%}, {text}{self.remaining(done)}", file=sys.stderr, flush=True)

    def remaining(self, done: float) -> str:
        """The time left at the rate so far, for a line of the log."""
        progress = done - (self.first or 0.0)
        if progress <= 0 or done >= self.total:
            return ""
        seconds = (time.monotonic() - self.started) * (self.total - done) / progress
        return f", {seconds / 60:.0f} min left" if seconds >= 90 else f", {seconds:.0f} s left"
