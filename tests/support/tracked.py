"""Tracking in the process of a test: an empty database made once, and a recorder that works when it is called."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pipeline.tracking import outbox
from pipeline.tracking.recorder import Recorder

DATABASE = "mlflow.db"


def empty_database(folder: Path) -> Path:
    """Return an MLflow database without experiments of ours; making one takes seconds, so workers share it."""
    path = folder / DATABASE
    with FileLock(folder / "mlflow.lock"):
        if not path.exists():
            from pipeline.tracking.store import quieten

            quieten()
            from mlflow import MlflowClient

            MlflowClient(f"sqlite:///{folder / 'new.db'}").search_experiments()
            (folder / "new.db").rename(path)
    return path


def work_in(folder: Path, database: Path, patch: pytest.MonkeyPatch) -> None:
    """Work in a folder with an empty database, where stages start no recorder."""
    shutil.copy(database, folder / DATABASE)
    patch.chdir(folder)
    patch.delenv("S2S_TRACKING")
    patch.setattr(outbox, "wake", lambda: False)


def deliver(recorder: Recorder | None = None) -> None:
    """Carry all that waits to MLflow, as the process of the recorder does."""
    recorder = recorder or Recorder()
    while recorder.round():
        pass


class Recorded:
    """The runs in the database of a folder, the oldest first."""

    def __init__(self, folder: Path, experiment: str = "seq2seq"):
        from mlflow import MlflowClient

        assert (folder / DATABASE).exists()
        self.client = MlflowClient(f"sqlite:///{folder / DATABASE}")
        entity = self.client.get_experiment_by_name(experiment)
        assert entity is not None
        self.experiment = entity.experiment_id
        order = ["attributes.start_time ASC"]
        self.runs: list[Any] = list(self.client.search_runs([self.experiment], order_by=order))
        self.stages = [run for run in self.runs if "stage" in run.data.tags]
        self.parents = [run for run in self.runs if "pipeline" in run.data.tags]

    def statuses(self) -> list[tuple[str, str]]:
        """Return the stage and the status of each run."""
        return [(run.data.tags["stage"], run.info.status) for run in self.stages]

    def artifacts(self, run: Any, folder: str | None = None) -> list[str]:
        """Return the paths of a run's artifacts."""
        return [file.path for file in self.client.list_artifacts(run.info.run_id, folder)]

    def curve(self, run: Any, name: str) -> list[tuple[int, float]]:
        """Return step and value of each point of a metric."""
        return [(point.step, point.value) for point in self.client.get_metric_history(run.info.run_id, name)]
