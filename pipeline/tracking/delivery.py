"""Delivery of one run's messages to MLflow, exactly once, also if the recorder is killed in between."""

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline import dag
from pipeline.parameters import presets
from pipeline.tracking import declared, facts, lineage, machine, names, outbox, provenance, store
from pipeline.tracking.outbox import Message
from s2s import files
from s2s.errors import printable

PACKAGES = ("torch", "dvc", "mlflow", "snakemake", "sacrebleu")
REPORTS = Path("reports")  # the folder of the page


class Delivery:
    """The way of one run's messages, with a journal of what has arrived.

    What arrived and is not in the journal, because the recorder was killed, arrives again without effect: MLflow keeps
    one of equal metrics, parameters, tags and files, and runs are found by the tag `names.SENDER`.
    """

    def __init__(self, folder: Path):
        """Read the start of a run and how much of it has arrived."""
        self.folder = folder
        self.start = outbox.start_of(folder)
        self.run, self.parent, self.offset = "", "", 0
        self.is_begun = False
        self.seen_alive = 0  # milliseconds since 1970
        self.failures = 0
        with contextlib.suppress(FileNotFoundError, ValueError):
            journal = json.loads((folder / outbox.JOURNAL).read_text(encoding="utf-8"))
            self.run, self.parent, self.offset = journal["run"], journal["parent"], journal["offset"]
            self.is_begun = True

    def is_open(self) -> bool:
        """Return True while the stage is running on this host."""
        process = self.start["process"]
        is_open = machine.is_here(process) and not machine.is_dead(process) and not outbox.has_ended(self.folder)
        self.seen_alive = outbox.now() if is_open else self.seen_alive
        return is_open

    def waiting(self) -> list[tuple[int, Message]]:
        """Return the messages that have not arrived; a stage that died without a last message was killed."""
        is_dead = machine.is_dead(self.start["process"])  # looked at before the messages, which may still come
        found = list(outbox.messages(self.folder, self.offset))
        if is_dead and not any("end" in message for _, message in found):
            last = (self.folder / outbox.MESSAGES).stat().st_mtime_ns // 1_000_000
            found.append((self.offset, {"end": "KILLED", "time": max(last, self.seen_alive), "outputs": {}}))
        return found

    def deliver(self, mlflow: store.Store) -> bool:
        """Carry what waits to MLflow, and return True if there was anything.

        Raises:
            Exception: MLflow does not answer; what waits stays.
        """
        is_new = not self.is_begun
        if is_new:
            self.begin(mlflow)
        found = self.waiting()
        if not found:
            return is_new
        self.attempt(mlflow, lambda: self.write(mlflow, found))
        if end := next((message for _, message in found if "end" in message), None):
            self.attempt(mlflow, lambda: self.end(mlflow, end))
            if self.start["stage"] == "report" and end["outputs"]:
                self.show()
            self.remove()
        else:
            self.offset = found[-1][0]
            self.note()
        return True

    def attempt(self, mlflow: store.Store, action: Callable[[], None]) -> None:
        """Take an action, and drop it where MLflow refuses it, such as any to a run that a person has deleted.

        Raises:
            Exception: MLflow does not answer, or refuses all that is written to the run.
        """
        try:
            action()
        except Exception as error:  # MLflow, its database driver and its HTTP client raise unrelated classes
            if not store.is_refusal(error):
                raise
            if mlflow.is_there(self.run):
                mlflow.client.set_tag(self.run, names.STAGE, names.value(self.start["stage"]))
            say(f"{self.start['stage']}: MLflow refused a part of the run: {error}")

    def begin(self, mlflow: store.Store) -> None:
        """Open the run, with parameters, inputs, and the earlier runs that made what DVC took from its cache."""
        start = self.start
        tags = start["tags"] | versions() | {names.PROCESS: start["process"], names.SENDER: self.folder.name}
        tags |= {names.KEY: start["key"]} if "key" in start else {}
        self.run, self.parent = mlflow.begin(start["stage"], start["group"], tags, start["time"])
        params = effective(start["params"]) | {"command": start["command"]}
        inputs = {path: md5 for path, md5 in start["inputs"].items() if not path.startswith(("pipeline/", "s2s/"))}
        self.attempt(mlflow, lambda: mlflow.write(self.run, [], params))
        self.attempt(mlflow, lambda: mlflow.read_from(self.run, inputs))
        self.attempt(mlflow, lambda: self.link_cached(mlflow))
        self.is_begun = True
        self.note()

    def note(self) -> None:
        """Write the journal."""
        files.write_json(self.folder / outbox.JOURNAL, {"run": self.run, "parent": self.parent, "offset": self.offset})

    def write(self, mlflow: store.Store, found: list[tuple[int, Message]]) -> None:
        """Write metrics, tags and nested runs."""
        rows = [
            (name, number, message["time"], message["step"])
            for _, message in found
            for name, number in message.get("metrics", {}).items()
        ]
        tags = {message["tag"]: message["value"] for _, message in found if "tag" in message}
        mlflow.write(self.run, rows, {}, tags)
        for place, message in found:
            if "part" in message:
                mlflow.part(self.run, f"{self.folder.name}:{place}", message)

    def end(self, mlflow: store.Store, end: Message) -> None:
        """Record digests of outputs, end the run, and keep its artifacts."""
        mlflow.write(self.run, [], {}, {f"{names.OUTPUT}{path}": md5 for path, md5 in end["outputs"].items()})
        mlflow.end(self.run, self.parent, end["end"], end["time"])
        kept = self.folder / outbox.KEPT
        if kept.is_dir():
            mlflow.client.log_artifacts(self.run, str(kept))

    def show(self) -> None:
        """Write the runs of all results, for the page to show."""
        try:
            with self.stages() as every:
                if every:
                    provenance.write(REPORTS, provenance.gather(every, self.start["experiment"]))
        except Exception as error:  # as in `attempt`; `python -m pipeline provenance` writes it again
            say(f"{REPORTS}: no provenance: {error}")

    def remove(self) -> None:
        """Remove the folder, under a hidden name first, so that a half-removed one is never taken for a run."""
        hidden = self.folder.with_name(f".{self.folder.name}")
        self.folder.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)

    def link_cached(self, mlflow: store.Store) -> None:
        """Tag the parent with the runs that made the inputs of this stage, if DVC took them from its cache."""
        with self.stages() as every:
            for stage in [stage for stage in every if stage.name == self.start["stage"]]:
                earlier = dag.ancestors(stage, every)
                keys = {maker.name: lineage.key(maker, lineage.digests(maker, every, 0.0)) for maker in earlier}
                mlflow.link_cached(self.parent, keys)

    @contextlib.contextmanager
    def stages(self) -> Iterator[list[dag.Stage]]:
        """Work in the folder in which the stage ran, and yield the stages there; none if it has changed or is gone."""
        place = Path(self.start["cwd"])
        if "key" not in self.start or not place.is_dir():
            yield []
            return
        with contextlib.chdir(place):
            is_same = facts.params_sha256() == self.start["group"]["params_sha256"]
            yield declared.stages(facts.parameters()) if is_same else []


def effective(params: dict[str, Any]) -> dict[str, str]:
    """Return a stage's parameters by dotted key, with its system's or vocabulary's values in place of the base's."""
    changes = [own for key, own in params.items() if key.startswith("systems.")]
    changes += [{"vocab": own} for key, own in params.items() if key.startswith("vocabularies.")]
    return presets.flat(params) | {key: value for own in changes for key, value in presets.flat(own).items()}


def versions() -> dict[str, str]:
    """Return tags with the versions of Python and of the packages that decide results, without importing them."""
    tags = {f"{names.VERSION}python": sys.version.split()[0]}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            tags[f"{names.VERSION}{package}"] = metadata.version(package)
    return tags


def say(text: str) -> None:
    """Print a line into the recorder's log."""
    print(time.strftime("%Y-%m-%dT%H:%M:%S"), printable(text)[:1000], flush=True)
