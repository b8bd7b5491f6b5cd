"""A stage's line to MLflow: a pipe to a recorder process, which can neither slow nor break the stage."""

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

from pipeline import cost

SWITCH = "S2S_TRACKING"
"""Environment variable; `off` records nothing."""
PATIENCE_SECONDS = 90
"""How long a stage that is done waits for its recorder."""


class Run:
    """The MLflow run of the stage that is running."""

    def __init__(self, recorder: "subprocess.Popen[bytes] | None"):
        self._recorder = recorder
        self._before = cost.cpu_seconds()

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Records numbers, those of a curve with their step."""
        self._send(metrics={name: float(value) for name, value in values.items()}, step=step or 0)

    def artifact(self, path: Path) -> None:
        """Keeps a copy of a file; it must stay in its place until the stage ends. Declared reports are kept anyway."""
        self._send(artifact=str(path.absolute()))

    def part(self, name: str, params: Mapping[str, str], values: Mapping[str, float]) -> None:
        """Records a run of its own below this one, for things that are compared side by side."""
        self._send(part=name, params=dict(params), values={name: float(value) for name, value in values.items()})

    def tag(self, name: str, value: str) -> None:
        """Records a remark such as `resumed`."""
        self._send(tag=name, value=value)

    def end(self, status: str) -> None:
        """Says how the stage ended and what it took, and waits until that is recorded, within bounds."""
        self.metrics({"cpu_seconds": cost.cpu_seconds() - self._before, "gpus": cost.gpus()})
        if device := cost.device():
            self.tag("hardware.gpu", device)
        self._send(end=status)
        if self._recorder is None:
            return
        try:
            self._recorder.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._recorder.kill()
            print(f"MLflow: no answer within {PATIENCE_SECONDS} s; this run is not recorded whole", file=sys.stderr)
        except BrokenPipeError:
            pass

    def _send(self, **message: Any) -> None:
        """Writes one message; a recorder that gave up has said so itself."""
        if self._recorder is None or self._recorder.stdin is None:
            return
        message["time"] = now()
        try:
            self._recorder.stdin.write(json.dumps(message).encode() + b"\n")
            self._recorder.stdin.flush()
        except (BrokenPipeError, ValueError):
            self._recorder.stdin = None


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return time.time_ns() // 1_000_000


@contextmanager
def run() -> Iterator[Run]:
    """Opens the stage's MLflow run; it ends FINISHED, FAILED after an error, or KILLED after a signal."""
    running = Run(None if os.environ.get(SWITCH) == "off" else start_recorder())
    try:
        yield running
    except (SystemExit, KeyboardInterrupt):
        running.end("KILLED")
        raise
    except BaseException:
        running.end("FAILED")
        raise
    running.end("FINISHED")


def start_recorder() -> "subprocess.Popen[bytes]":
    """Starts the process that speaks to MLflow; importing it takes seconds, while the stage works already.

    It stands in a session of its own: a kill of the stage's process group leaves it alive to close the run.
    """
    program = sys.modules["__main__"].__spec__
    module = program.name if program else Path(sys.argv[0]).stem
    name = os.environ.get("DVC_STAGE") or module.removeprefix("pipeline.")
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    recorder = subprocess.Popen(
        [sys.executable, "-m", "pipeline.recorder"],
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
