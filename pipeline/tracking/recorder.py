"""The process that writes a stage's MLflow run from the messages of pipeline/tracking/run.py."""

import contextlib
import hashlib
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from pipeline import dag
from pipeline.parameters import presets, reading
from pipeline.tracking import lineage, machine, provenance, store
from s2s.errors import UserError

Message = dict[str, Any]
FLUSH_SECONDS = 2.0
KEPT_SUFFIXES = {".json", ".csv", ".svg", ".png", ".html"}
"""Suffixes of declared outputs that become artifacts."""
KEPT_BYTES = 5_000_000
"""Largest artifact."""
REPORTS = Path("reports")  # the folder of the page
PACKAGES = ("torch", "dvc", "mlflow", "snakemake", "sacrebleu")


def main() -> None:
    """Record until the stage sends its status or ends.

    Any failure here prints one line and leaves the stage alone.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    lines = listen(sys.stdin.buffer)
    try:
        record(lines)
    except Exception as error:  # MLflow, its database driver and its HTTP client raise unrelated classes
        reason = " ".join(str(error).split())[:200]
        line = f"MLflow: cannot record at {store.uri()} ({reason}); the stage continues without"
        print(store.shown(line), file=sys.stderr)


def listen(pipe: IO[bytes]) -> "queue.Queue[Message]":
    """Read messages from the pipe as they come, so that the stage never waits.

    A closed pipe counts as KILLED.
    """
    messages: queue.Queue[Message] = queue.Queue()

    def read() -> None:
        for line in pipe:
            messages.put(json.loads(line))
        messages.put({"end": "KILLED", "time": time.time_ns() // 1_000_000})

    threading.Thread(target=read, daemon=True).start()
    return messages


def batches(messages: "queue.Queue[Message]") -> Iterator[list[Message]]:
    """Yield the messages of about two seconds at a time, until one has the key `end`."""
    batch: list[Message] = [{}]
    while "end" not in batch[-1]:
        batch, deadline = [messages.get()], time.monotonic() + FLUSH_SECONDS
        while "end" not in batch[-1] and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                batch.append(messages.get(timeout=left))
        yield batch


def record(messages: "queue.Queue[Message]") -> None:
    """Open the run, write the messages, link the inputs and outputs, and end the run."""
    start = messages.get()
    every = dag.stages() if "DVC_STAGE" in os.environ else []
    stage = next((stage for stage in every if stage.name == start["stage"]), None)
    digests = lineage.digests(stage, every) if stage else {}
    tags = origin(start) | ({store.KEY: lineage.key(stage, digests)} if stage else {})
    mlflow = store.Store(experiment())
    run, parent = mlflow.begin(start["stage"], group(), tags, start["time"])
    mlflow.write(run, [], effective(stage.params if stage else {}) | {"command": start["command"]})
    mlflow.read_from(run, {path: md5 for path, md5 in digests.items() if not path.startswith(("pipeline/", "s2s/"))})
    for batch in batches(messages):
        write(mlflow, run, batch)
    if batch[-1]["end"] == "FINISHED" and stage:
        keep_outputs(mlflow, run, stage)
        earlier = dag.ancestors(stage, every)
        mlflow.link_cached(parent, {maker.name: lineage.key(maker, lineage.digests(maker, every)) for maker in earlier})
    mlflow.end(run, parent, batch[-1]["end"], batch[-1]["time"])
    if batch[-1]["end"] == "FINISHED" and stage and stage.name == "report":
        provenance.write(REPORTS, provenance.gather(every, experiment()))


def effective(params: dict[str, Any]) -> dict[str, str]:
    """Return a stage's parameters by dotted key, with its system's or vocabulary's values in place of the base's."""
    changes = [own for key, own in params.items() if key.startswith("systems.")]
    changes += [{"vocab": own} for key, own in params.items() if key.startswith("vocabularies.")]
    return presets.flat(params) | {key: value for own in changes for key, value in presets.flat(own).items()}


def write(mlflow: store.Store, run: str, batch: list[Message]) -> None:
    """Write a batch of messages to MLflow."""
    rows = [
        (name, value, message["time"], message["step"])
        for message in batch
        for name, value in message.get("metrics", {}).items()
    ]
    if rows:
        mlflow.write(run, rows, {})
    for message in batch:
        if "artifact" in message:
            mlflow.client.log_artifact(run, message["artifact"])
        if "part" in message:
            mlflow.part(run, message["part"], message["params"], message["values"], message["time"])
        if "tag" in message:
            mlflow.client.set_tag(run, store.legal(message["tag"]), message["value"])


def keep_outputs(mlflow: store.Store, run: str, stage: dag.Stage) -> None:
    """Record the md5 of every output of a stage, and copies of its small reports and figures."""
    for out in map(Path, stage.outs):
        if digest := lineage.content(out):
            mlflow.client.set_tag(run, store.legal(f"{store.OUTPUT}{out.as_posix()}"), digest)
        if out.suffix in KEPT_SUFFIXES and out.is_file() and out.stat().st_size <= KEPT_BYTES:
            mlflow.client.log_artifact(run, str(out), out.parent.as_posix())


def experiment() -> str:
    """Return the experiment of params.yaml, or a default, because a stage reports wrong parameters itself."""
    try:
        return reading.read().operation.experiment
    except UserError:
        return "seq2seq"


def group() -> dict[str, str]:
    """Return the tags that all runs of one pipeline share."""
    tags = {
        "params_sha256": params_sha256(),
        store.COMMIT: commit(),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME", ""),
        "dvc_baseline": os.environ.get("DVC_EXP_BASELINE_REV", ""),
    }
    return {name: value for name, value in tags.items() if value}


def params_sha256() -> str:
    """Return the hash of params.yaml with its comments."""
    try:
        return hashlib.sha256(reading.read_text(reading.PATH).encode()).hexdigest()
    except UserError:
        return "none"


def commit() -> str:
    """Return the git commit of the checkout, or "" where there is none."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def origin(start: Message) -> dict[str, str]:
    """Return tags of a run's origin: command, machine, and versions of the packages that decide results."""
    versions = {package: version for package in PACKAGES if (version := installed(package))}
    versions["python"] = sys.version.split()[0]
    tags = {f"{store.VERSION}{name}": version for name, version in versions.items()}
    tags |= {f"{store.HARDWARE}{name}": value for name, value in machine.machine().items()}
    return tags | {"mlflow.source.name": start["command"]}


def installed(package: str) -> str | None:
    """Return a package's version without importing it, None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
