"""Tracking of a stage: a pipe to a recorder process that writes to MLflow and can neither slow nor break the stage."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.tracking import machine

SWITCH = "S2S_TRACKING"
"""Environment variable; with `off` nothing is recorded."""
PATIENCE_SECONDS = 90
"""Longest wait of a finished stage for its recorder."""


class Run:
    """The MLflow run of the current stage."""

    def __init__(self, recorder: "subprocess.Popen[bytes] | None"):
        self._recorder = recorder
        self._before = machine.cpu_seconds()

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers.

        Those of a curve have a step.
        """
        self._send(metrics={name: float(value) for name, value in values.items()}, step=step or 0)

    def artifact(self, path: Path) -> None:
        """Record a copy of a file, which must stay until the stage ends.

        Declared reports are recorded anyway.
        """
        self._send(artifact=str(path.absolute()))

    def part(self, name: str, params: Mapping[str, str], values: Mapping[str, float]) -> None:
        """Record a nested run, so that MLflow can compare several of them side by side."""
        self._send(part=name, params=dict(params), values={name: float(value) for name, value in values.items()})

    def tag(self, name: str, value: str) -> None:
        """Record a tag such as `resumed`."""
        self._send(tag=name, value=value)

    def end(self, status: str) -> None:
        """Record the stage's status and cost, and wait at most `PATIENCE_SECONDS` for the recorder."""
        self.metrics({"cpu_seconds": machine.cpu_seconds() - self._before, "gpus": machine.gpus()})
        if device := machine.device():
            self.tag("hardware.gpu", device)
        self._send(end=status)
        if self._recorder is None:
            return
        try:
            self._recorder.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._recorder.kill()
            print(f"MLflow: no answer within {PATIENCE_SECONDS} s; this run is recorded in part", file=sys.stderr)
        except BrokenPipeError:
            pass

    def _send(self, **message: Any) -> None:
        """Send a message.

        One to a recorder that has ended is dropped, because the recorder printed the reason.
        """
        if self._recorder is None or self._recorder.stdin is None:
            return
        message["time"] = now()
        try:
            self._recorder.stdin.write(json.dumps(message).encode() + b"\n")
            self._recorder.stdin.flush()
        except (BrokenPipeError, ValueError):
            self._recorder.stdin = None


def now() -> int:
    """Return the milliseconds since 1970, MLflow's unit of time."""
    return time.time_ns() // 1_000_000


@contextmanager
def run() -> Iterator[Run]:
    """Open the stage's MLflow run, and end it as FINISHED, FAILED after an error, or KILLED after a signal."""
    current = Run(None if os.environ.get(SWITCH) == "off" else start_recorder())
    try:
        yield current
    except (SystemExit, KeyboardInterrupt):
        current.end("KILLED")
        raise
    except BaseException:
        current.end("FAILED")
        raise
    current.end("FINISHED")


def start_recorder() -> "subprocess.Popen[bytes]":
    """Start the process that writes to MLflow, whose import takes seconds, while the stage already works.

    The process has its own session, so that a kill of the stage's process group leaves it alive to close the run.
    """
    program = sys.modules["__main__"].__spec__
    module = program.name.removesuffix(".__main__") if program else Path(sys.argv[0]).stem
    name = os.environ.get("DVC_STAGE") or module.rpartition(".")[2]
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    recorder = subprocess.Popen(
        [sys.executable, "-m", "pipeline.tracking.recorder"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    assert recorder.stdin is not None
    start = {"stage": name, "command": shlex.join(["python", "-m", module, *sys.argv[1:]]), "time": now()}
    recorder.stdin.write(json.dumps(start).encode() + b"\n")
    recorder.stdin.flush()
    return recorder
