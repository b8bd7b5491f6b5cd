"""The MLflow store, safe for many processes: runs below one parent, packages. The only importer of mlflow."""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline.tracking import moved
from pipeline.tracking.address import artifacts, database, root, shown, uri
from pipeline.tracking.machine import is_dead, process
from pipeline.tracking.names import DIRTY, KEY, PACKAGE, PARENT, PIPELINE, PROCESS, SENDER, STAGE, USER, legal, value
from s2s.errors import UserError

DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Environment variables of MLflow: no telemetry, and a server that does not answer is given up after seconds."""
LOCK_SECONDS = 60
BATCH = 100  # most parameters or tags in one request; MLflow takes 1,000 metrics


def quieten() -> None:
    """Set the environment variables that MLflow reads on import, unless the user has set them."""
    for name, default in DEFAULTS.items():
        os.environ.setdefault(name, default)


class Store:
    """An experiment of an MLflow store."""

    def __init__(self, experiment: str):
        """Open the store, and create the database and the experiment if they do not exist.

        The lock serializes the database's migrations and the updates of a parent's status, which read before they
        write.
        """
        quieten()
        from mlflow import MlflowClient, entities  # noqa: PLC0415

        self.entities = entities
        folder = root() / "work" / "tracking"
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(folder / "store.lock", timeout=LOCK_SECONDS)
        with self.lock:
            if file := database():
                moved.follow(file)
            self.client = MlflowClient(uri())
            name, entity = living(self.client, experiment)
            self.experiment: str = (
                entity.experiment_id if entity else self.client.create_experiment(name, artifact_location=artifacts())
            )

    @classmethod
    def find(cls, experiment: str) -> "Store | None":
        """Return the store if it holds the experiment, else None.

        Never create either.
        """
        file = database()
        if file and not file.exists():
            return None
        quieten()
        from mlflow import MlflowClient  # noqa: PLC0415

        return cls(experiment) if living(MlflowClient(uri()), experiment)[1] else None

    def search(self, status: str | None, tags: Mapping[str, str]) -> list[Any]:
        """Return the runs of this experiment with a status and tags, newest first."""
        terms = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        terms += [f"attributes.status = '{status}'"] if status else []
        query, order = " and ".join(terms), ["attributes.start_time DESC"]
        page = self.client.search_runs([self.experiment], query, max_results=1000, order_by=order)
        runs = list(page)
        while page.token:
            page = self.client.search_runs(
                [self.experiment], query, max_results=1000, order_by=order, page_token=page.token
            )
            runs += page
        return runs

    def history(self, run: str, metric: str) -> list[float]:
        """Return all values of a run's metric, in order."""
        return [point.value for point in self.client.get_metric_history(run, metric)]

    def page(self, run: str) -> str | None:
        """Return the address of a run's page, None for a database, which has no pages."""
        server = shown(uri()).rstrip("/")
        is_server = server.startswith(("http://", "https://"))
        return f"{server}/#/experiments/{self.experiment}/runs/{run}" if is_server else None

    def begin(self, name: str, group: Mapping[str, str], tags: Mapping[str, str], start_time: int) -> tuple[str, str]:
        """Start a stage's run below the parent of its group, and return the ids of run and parent.

        Return those of the run that has the tag `SENDER` of `tags`, if an earlier recorder began it.
        """
        with self.lock:
            for run in self.search(None, {SENDER: tags[SENDER]}) if SENDER in tags else []:
                return run.info.run_id, run.data.tags[PARENT]
            parent = self.parent(group, tags, start_time)
            own = {PROCESS: process(), **group, **tags, STAGE: name, PARENT: parent}
            return self._create(name, own, start_time), parent

    def _create(self, name: str, tags: Mapping[str, str], start_time: int) -> str:
        """Create a run and return its id."""
        values = {legal(tag): value(text) for tag, text in tags.items()}
        run = self.client.create_run(self.experiment, start_time, values, run_name=value(name))
        identity: str = run.info.run_id
        return identity

    def parent(self, group: Mapping[str, str], tags: Mapping[str, str], start_time: int) -> str:
        """Return the id of the parent run of a group: a DVC experiment, parameter file and commit.

        Create it once, with the user of its first stage.
        """
        parent: str
        identity = hashlib.sha256(json.dumps(group, sort_keys=True).encode()).hexdigest()[:16]
        for run in self.search(None, {PIPELINE: identity}):
            parent = run.info.run_id
            self.client.update_run(parent, status="RUNNING")
            return parent
        name = group.get("dvc_experiment") or f"pipeline {identity}"
        shared = {name: tags[name] for name in (USER, DIRTY) if name in tags}
        return self._create(name, {**group, **shared, PIPELINE: identity}, start_time)

    def sweep(self, waiting: Collection[str]) -> None:
        """Mark runs as KILLED whose process on this host is dead.

        Args:
            waiting: the senders whose messages are still to come, which tell the end themselves.
        """
        with self.lock:
            running = self.search("RUNNING", {})
            for run in running:
                tags = run.data.tags
                if PROCESS in tags and tags.get(SENDER) not in waiting and is_dead(tags[PROCESS]):
                    self.client.set_terminated(run.info.run_id, "KILLED")
            for run in running:
                if PIPELINE in run.data.tags:
                    self.settle(run.info.run_id)

    def end(self, run: str, parent: str, status: str, end_time: int) -> None:
        """End a stage's run, and its parent unless another stage is running."""
        with self.lock:
            self.client.set_terminated(run, status, end_time)
            self.settle(parent)

    def children(self, parent: str) -> list[Any]:
        """Return the runs of stages below a parent, newest first, without those that a person put there."""
        return [run for run in self.search(None, {PARENT: parent}) if STAGE in run.data.tags]

    def settle(self, parent: str) -> None:
        """Set a parent's status from the latest attempt of each of its stages, unless a person has deleted it."""
        latest = {run.data.tags[STAGE]: run.info.status for run in reversed(self.children(parent))}.values()
        status = next((status for status in ("RUNNING", "FAILED", "KILLED") if status in latest), "FINISHED")
        if status != "RUNNING" and self.is_there(parent):
            self.client.set_terminated(parent, status)

    def is_there(self, run: str) -> bool:
        """Return False if a run was deleted."""
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        try:
            return bool(self.client.get_run(run).info.lifecycle_stage == "active")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise

    def write(
        self,
        run: str,
        metrics: Sequence[tuple[str, float, int, int]],
        params: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write metrics (name, value, milliseconds, step), parameters and tags in few requests."""
        rows = [self.entities.Metric(legal(name), *rest) for name, *rest in metrics]
        values = [self.entities.Param(legal(name), value(text)) for name, text in params.items()]
        marks = [self.entities.RunTag(legal(name), value(text)) for name, text in (tags or {}).items()]
        for start in range(0, max(len(rows), len(values), len(marks)), BATCH):
            part = slice(start, start + BATCH)
            self.client.log_batch(run, rows[part], values[part], marks[part])

    def part(self, run: str, sender: str, message: Mapping[str, Any]) -> None:
        """Add a finished run below a stage's run, so that MLflow can compare several of them.

        Args:
            run: the stage's run.
            sender: a name for this part alone, by which it is found if an earlier recorder added it.
            message: name, parameters, values and time.
        """
        known = [part.info.run_id for part in self.search(None, {SENDER: sender})]
        time = message["time"]
        nested = known[0] if known else self._create(message["part"], {PARENT: run, SENDER: sender}, time)
        self.write(
            nested, [(metric, number, time, 0) for metric, number in message["values"].items()], message["params"]
        )
        self.client.set_terminated(nested, "FINISHED", time)

    def read_from(self, run: str, digests: Mapping[str, str]) -> None:
        """Record the inputs of a stage: paths with DVC's md5s."""
        entities = self.entities
        paths = {value(path)[:500]: md5 for path, md5 in digests.items()}
        datasets = [entities.Dataset(path, md5, "local", json.dumps({"uri": path})) for path, md5 in paths.items()]
        tags = [entities.InputTag("mlflow.data.context", "input")]
        if datasets:
            self.client.log_inputs(run, [entities.DatasetInput(dataset, tags) for dataset in datasets])

    def link_cached(self, parent: str, keys: Mapping[str, str]) -> None:
        """Tag a parent with the earlier runs that made the outputs of its cached stages."""
        own = {run.data.tags[STAGE] for run in self.children(parent)}
        for stage in sorted(keys.keys() - own):
            for run in self.search("FINISHED", {KEY: keys[stage]})[:1]:
                self.client.set_tag(parent, legal(f"cached.{stage}"), run.info.run_id)

    def register(self, run: str, package: Path, model: str, alias: str, tags: Mapping[str, str], says: str) -> str:
        """Store a package with a run, make it the newest version of a registered model, and return the version."""
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        self.client.log_artifacts(run, str(package), PACKAGE)
        with self.lock, suppress(MlflowException):  # it exists; any other error comes again below
            self.client.create_registered_model(model)
        source = f"{self.client.get_run(run).info.artifact_uri}/{PACKAGE}"
        version: str = self.client.create_model_version(model, source, run, dict(tags), description=says).version
        self.client.set_registered_model_alias(model, alias, version)
        return version


REFUSALS = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST"}


def is_refusal(error: Exception) -> bool:
    """Return True if MLflow would give the same error again; a server that does not answer gives others."""
    return getattr(error, "error_code", "") in REFUSALS or isinstance(error, ValueError | TypeError | LookupError)


def living(client: Any, experiment: str) -> tuple[str, Any]:
    """Return the first of `name`, `name (2)`, ... that was not deleted, with its entity, None if it is to be made.

    MLflow keeps the names of deleted experiments, which a person may want to restore.
    """
    name = value(experiment)[:250]
    number = 1
    while (entity := client.get_experiment_by_name(name)) and entity.lifecycle_stage != "active":
        number += 1
        name = f"{value(experiment)[:250]} ({number})"
    return name, entity


@contextmanager
def answering(instead: str = ", or --no-register") -> Iterator[None]:
    """Turn MLflow's errors within the block into a `UserError`, with the alternative that the caller names."""
    quieten()
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        reason = " ".join(str(error).split())
        raise UserError(shown(f"{uri()}: found {reason}; expected a store that answers{instead}")) from None


def save_package(out: Path, example: Sequence[str], answer: Any, settings: Mapping[str, Any], **parts: Any) -> None:
    """Write a folder that MLflow loads and serves.

    Args:
        out: the folder.
        example: texts as a caller may send them.
        answer: an answer to such texts.
        settings: parameters that a caller may change, with their defaults.
        parts: further arguments of `mlflow.pyfunc.save_model`.
    """
    quieten()
    from mlflow import models, pyfunc  # noqa: PLC0415

    signature = models.infer_signature(list(example), answer, dict(settings))
    pyfunc.save_model(str(out), signature=signature, input_example=(list(example), dict(settings)), **parts)
