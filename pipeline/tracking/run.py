"""Tracking of a stage: messages into an outbox, from which one recorder in the background carries them to MLflow."""

import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline import dag
from pipeline.tracking import facts, machine, names, outbox
from pipeline.tracking.outbox import now
from s2s.errors import printable

SWITCH = "S2S_TRACKING"
"""Environment variable; with `off` nothing is recorded."""
WAKE_SECONDS = 60.0
"""Time between looks for the recorder, which the system may have killed during a long training."""


class Run:
    """The MLflow run of the current stage."""

    def __init__(self, sender: outbox.Sender | None = None, stage: dag.Stage | None = None):
        self._sender = sender
        self._stage = stage
        self._before = machine.cpu_seconds()
        self._looked = time.monotonic()

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers.

        Those of a curve have a step.
        """
        self._send(metrics={name: float(value) for name, value in values.items()}, step=step or 0)

    def artifact(self, path: Path) -> None:
        """Record a copy of a file.

        Declared reports are recorded anyway.
        """
        self._keep(path)

    def part(self, name: str, params: Mapping[str, str], values: Mapping[str, float]) -> None:
        """Record a nested run, so that MLflow can compare several of them side by side."""
        self._send(part=name, params=dict(params), values={name: float(value) for name, value in values.items()})

    def tag(self, name: str, value: str) -> None:
        """Record a tag such as `resumed`."""
        self._send(tag=name, value=value)

    def end(self, status: str) -> None:
        """Record the stage's status, cost and outputs."""
        if self._sender is None:
            return
        self.metrics({"cpu_seconds": machine.cpu_seconds() - self._before, "gpus": machine.gpus()})
        if device := machine.device():
            self.tag(f"{names.HARDWARE}gpu", device)
        digests: dict[str, str] = {}
        if status == "FINISHED" and self._stage:
            digests, files = facts.outputs(self._stage)
            for path in files:
                self._keep(path, path.parent.as_posix())
        self._looked = 0.0
        self._send(end=status, outputs=digests)
        tell_trouble()

    def _keep(self, path: Path, place: str = "") -> None:
        """Keep a copy of a file until it is an artifact."""
        if self._sender:
            with told():
                self._sender.keep(path, place)

    def _send(self, **message: Any) -> None:
        """Send a message, and see now and then that a recorder is at work."""
        if self._sender is None:
            return
        with told():
            self._sender.send(message | {"time": now()})
        if time.monotonic() - self._looked > WAKE_SECONDS or "end" in message:
            self._looked = time.monotonic()
            with told():
                outbox.wake()


@contextmanager
def told() -> Iterator[None]:
    """Turn an error of the outbox into a line on stderr, because no stage fails for its record."""
    try:
        yield
    except OSError as error:
        warn(error)


def warn(error: OSError) -> None:
    """Print the reason why a message is lost."""
    reason = printable(os.strerror(error.errno or 0).lower())
    print(f"work/tracking: found {reason}; the stage goes on, and is recorded in part", file=sys.stderr)


def tell_trouble() -> None:
    """Print why earlier messages did not reach MLflow, if the recorder says so."""
    if line := outbox.untold_trouble():
        print(line, file=sys.stderr)


@contextmanager
def run() -> Iterator[Run]:
    """Open the stage's MLflow run, and end it as FINISHED, FAILED after an error, or KILLED after a signal."""
    current = Run() if os.environ.get(SWITCH) == "off" else begin()
    try:
        yield current
    except (SystemExit, KeyboardInterrupt):
        current.end("KILLED")
        raise
    except BaseException:
        current.end("FAILED")
        raise
    current.end("FINISHED")


def begin() -> Run:
    """Send what is known at the start of a stage, and see that a recorder is at work."""
    program = sys.modules["__main__"].__spec__
    module = program.name.removesuffix(".__main__") if program else Path(sys.argv[0]).stem
    name = os.environ.get("DVC_STAGE") or module.rpartition(".")[2]
    command = shlex.join(["python", "-m", module, *sys.argv[1:]])
    try:
        start, stage = facts.start(name, command, now())
        current = Run(outbox.Sender(start), stage)
        tell_trouble()
        outbox.wake()
    except OSError as error:
        warn(error)
        return Run()
    return current
