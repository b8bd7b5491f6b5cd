"""The MLflow store, safe for many processes: runs below one parent, packages. The only importer of mlflow."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline.tracking.machine import is_dead, process
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
PARENT, STAGE, PROCESS, KEY = "mlflow.parentRunId", "stage", "process", "stage_key"
COMMIT = "mlflow.source.git.commit"
OUTPUT, HARDWARE, VERSION = "output.", "hardware.", "version."  # prefixes of tags
PIPELINE = "pipeline"
PACKAGE = "package"  # folder among a run's artifacts


def root() -> Path:
    """Return the user's repository, also when called in a temporary copy made by `dvc exp run --temp`."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve()


def uri() -> str:
    """Return the address of the store: MLFLOW_TRACKING_URI, or a database in the repository's root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root() / 'mlflow.db'}"


def shown(text: str) -> str:
    """Remove user names and passwords from all addresses in a text."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def legal(name: str) -> str:
    """Replace characters that MLflow refuses in names: `train@reversed-1` becomes `train:reversed-1`."""
    return re.sub(r"[^\w.\- :/]", ":", name)


def quieten() -> None:
    """Set the environment variables that MLflow reads on import, unless the user has set them."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)


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
        work = root() / "work"
        work.mkdir(exist_ok=True)
        self.lock = FileLock(work / "tracking.lock", timeout=LOCK_SECONDS)
        with self.lock:
            self.client = MlflowClient(uri())
            entity = self.client.get_experiment_by_name(experiment)
            self.experiment: str = entity.experiment_id if entity else self._create(experiment)

    @classmethod
    def find(cls, experiment: str) -> "Store | None":
        """Return the store if it holds the experiment, else None.

        Never create either.
        """
        database = uri().removeprefix("sqlite:///")
        if database != uri() and not Path(database).exists():
            return None
        quieten()
        from mlflow import MlflowClient  # noqa: PLC0415

        return cls(experiment) if MlflowClient(uri()).get_experiment_by_name(experiment) else None

    def _create(self, experiment: str) -> str:
        """Create the experiment.

        A server decides itself where artifacts go.
        """
        place = None if os.environ.get("MLFLOW_TRACKING_URI") else (root() / "mlartifacts").as_uri()
        created: str = self.client.create_experiment(experiment, artifact_location=place)
        return created

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
        """Start a stage's run below the parent of its group, and return the ids of run and parent."""
        with self.lock:
            self.sweep()
            parent = self.parent(group, start_time)
            own = {STAGE: name, PROCESS: process(), PARENT: parent}
            run = self.client.create_run(self.experiment, start_time, {**group, **tags, **own}, run_name=name)
            return run.info.run_id, parent

    def parent(self, group: Mapping[str, str], start_time: int) -> str:
        """Return the id of the parent run of a group: a DVC experiment, parameter file and commit.

        Create it once.
        """
        parent: str
        identity = hashlib.sha256(json.dumps(group, sort_keys=True).encode()).hexdigest()[:16]
        for run in self.search(None, {PIPELINE: identity}):
            parent = run.info.run_id
            self.client.update_run(parent, status="RUNNING")
            return parent
        name = group.get("dvc_experiment") or f"pipeline {identity}"
        run = self.client.create_run(self.experiment, start_time, {**group, PIPELINE: identity}, run_name=name)
        parent = run.info.run_id
        return parent

    def sweep(self) -> None:
        """Mark runs as KILLED whose process on this host is dead."""
        running = self.search("RUNNING", {})
        for run in running:
            if PROCESS in run.data.tags and is_dead(run.data.tags[PROCESS]):
                self.client.set_terminated(run.info.run_id, "KILLED")
        for run in running:
            if PIPELINE in run.data.tags:
                self.settle(run.info.run_id)

    def end(self, run: str, parent: str, status: str, end_time: int) -> None:
        """End a stage's run, and its parent unless another stage is running."""
        with self.lock:
            self.client.set_terminated(run, status, end_time)
            self.settle(parent)

    def settle(self, parent: str) -> None:
        """Set a parent's status from the latest attempt of each of its stages."""
        runs = self.search(None, {PARENT: parent})
        latest = {run.data.tags[STAGE]: run.info.status for run in reversed(runs)}.values()
        for status in ("RUNNING", "FAILED", "KILLED"):
            if status in latest:
                break
        else:
            status = "FINISHED"
        if status != "RUNNING":
            self.client.set_terminated(parent, status)

    def write(self, run: str, metrics: Sequence[tuple[str, float, int, int]], params: Mapping[str, str]) -> None:
        """Write metrics (name, value, milliseconds, step) and parameters in few requests."""
        rows = [self.entities.Metric(legal(name), *rest) for name, *rest in metrics]
        values = [self.entities.Param(name, value[:6000]) for name, value in params.items()]
        for start in range(0, max(len(rows), 1), 800):
            self.client.log_batch(run, rows[start : start + 800], values if start == 0 else [])

    def part(self, run: str, name: str, params: Mapping[str, str], values: Mapping[str, float], time: int) -> None:
        """Add a finished run below a stage's run, so that MLflow can compare several of them."""
        nested = self.client.create_run(self.experiment, time, {PARENT: run}, run_name=name).info.run_id
        self.write(nested, [(metric, value, time, 0) for metric, value in values.items()], params)
        self.client.set_terminated(nested, "FINISHED", time)

    def read_from(self, run: str, digests: Mapping[str, str]) -> None:
        """Record the inputs of a stage: paths with DVC's md5s."""
        entities = self.entities
        datasets = [entities.Dataset(path, md5, "local", f'{{"uri": "{path}"}}') for path, md5 in digests.items()]
        tags = [entities.InputTag("mlflow.data.context", "input")]
        self.client.log_inputs(run, [entities.DatasetInput(dataset, tags) for dataset in datasets])

    def link_cached(self, parent: str, keys: Mapping[str, str]) -> None:
        """Tag a parent with the earlier runs that made the outputs of its cached stages."""
        own = {run.data.tags[STAGE] for run in self.search(None, {PARENT: parent})}
        for stage in sorted(keys.keys() - own):
            for run in self.search("FINISHED", {KEY: keys[stage]})[:1]:
                self.client.set_tag(parent, legal(f"cached.{stage}"), run.info.run_id)

    def register(self, run: str, package: Path, model: str, alias: str, tags: Mapping[str, str], says: str) -> str:
        """Store a package with a run, make it the newest version of a registered model, and return the version."""
        self.client.log_artifacts(run, str(package), PACKAGE)
        with self.lock:
            if not self.client.search_registered_models(f"name = '{model}'"):
                self.client.create_registered_model(model)
        source = f"{self.client.get_run(run).info.artifact_uri}/{PACKAGE}"
        version: str = self.client.create_model_version(model, source, run, dict(tags), description=says).version
        self.client.set_registered_model_alias(model, alias, version)
        return version


def durations(experiment: str) -> dict[str, float]:
    """Return the seconds of the latest uninterrupted run of each stage.

    Resumed trainings are left out.
    """
    store = Store.find(experiment)
    runs = store.search("FINISHED", {}) if store else []
    whole = [run for run in reversed(runs) if STAGE in run.data.tags and "resumed" not in run.data.tags]
    return {run.data.tags[STAGE]: (run.info.end_time - run.info.start_time) / 1000 for run in whole}


@contextmanager
def answering(instead: str = ", or --no-register") -> Iterator[None]:
    """Turn MLflow's errors within the block into a `UserError`, with the alternative that the caller names."""
    quieten()
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        yield
    except MlflowException as error:
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
