"""Tracking of stages in a real SQLite store, read back by MLflow's client."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
STAGE = """
import sys, time
from pathlib import Path
from pipeline.running import program
from pipeline.tracking import run as tracking

def main(do: str = "", out: Path = Path("out.json"), delay: float = 0.0) -> None:
    '''A stage.'''
    with tracking.run() as run:
        for step in (1, 2, 3):
            run.metrics({"loss": 1.0 / step, "train/a@b": 5}, step=step)
        run.tag("resumed", "epoch 3")
        print("ready", flush=True)
        time.sleep(delay)
        if do == "fail":
            raise AssertionError("on purpose")
        out.parent.mkdir(exist_ok=True)
        out.write_text("{}")
        out.with_suffix(".png").write_bytes(b"a picture")
        Path("figure.svg").write_text("<svg/>")
        run.artifact(Path("figure.svg"))

if __name__ == "__main__":
    program.program(main)
"""
DVC_YAML = """
stages:
  make:
    cmd: python stage.py --out data/made.json
    deps:
      - stage.py
    outs:
      - data/made.json
  use:
    foreach: ${runs}
    do:
      cmd: python stage.py --out reports/${key}.json
      deps:
        - data/made.json
      params:
        - runs.${key}
      outs:
        - reports/${key}.json
        - reports/${key}.png
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder for stages whose name has a space, and work in it."""
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "stage.py").write_text(STAGE)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("S2S_TRACKING")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return folder


def start(name: str, *flags: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"DVC_STAGE": name} if name else os.environ
    return subprocess.Popen(
        [sys.executable, "stage.py", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, err = process.communicate(timeout=120)
    return process.returncode, err


class Recorded:
    """The content of the store in a workspace."""

    def __init__(self, workspace: Path, experiment: str = "seq2seq"):
        from mlflow import MlflowClient

        assert (workspace / "mlflow.db").exists()
        with FileLock(workspace / "work/tracking.lock"):  # waits until the database is complete
            self.client = MlflowClient(f"sqlite:///{workspace / 'mlflow.db'}")
        entity = self.client.get_experiment_by_name(experiment)
        assert entity is not None
        runs: list[Any] = list(self.client.search_runs([entity.experiment_id], order_by=["attributes.start_time ASC"]))
        self.stages = [run for run in runs if "stage" in run.data.tags]
        self.parents = [run for run in runs if "stage" not in run.data.tags]

    def statuses(self) -> list[tuple[str, str]]:
        return [(run.data.tags["stage"], run.info.status) for run in self.stages]

    def artifacts(self, run: Any, folder: str | None = None) -> list[str]:
        return [file.path for file in self.client.list_artifacts(run.info.run_id, folder)]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(AssertionError):
            if condition():
                return
        time.sleep(0.3)
    raise AssertionError("did not happen within a minute")


def test_six_processes_at_once_on_a_fresh_store(workspace: Path) -> None:
    processes = [start("", "--out", f"out{index}.json") for index in range(6)]
    assert [finish(process) for process in processes] == [(0, "")] * 6
    recorded = Recorded(workspace)
    assert recorded.statuses() == [("stage", "FINISHED")] * 6
    (parent,) = recorded.parents
    assert parent.info.status == "FINISHED"
    for run in recorded.stages:
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["resumed"] == "epoch 3"
        curve = recorded.client.get_metric_history(run.info.run_id, "loss")
        assert [(point.step, point.value) for point in curve] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
        assert run.data.metrics["train/a:b"] == 5
        assert recorded.artifacts(run) == ["figure.svg"]


def test_a_failed_stage_fails_its_parent_until_it_succeeds(workspace: Path) -> None:
    code, err = finish(start("", "--do", "fail"))
    assert code == 1
    assert "on purpose" in err
    recorded = Recorded(workspace)
    assert recorded.statuses() == [("stage", "FAILED")]
    assert recorded.parents[0].info.status == "FAILED"
    assert finish(start("")) == (0, "")
    recorded = Recorded(workspace)
    assert recorded.statuses() == [("stage", "FAILED"), ("stage", "FINISHED")]
    assert [parent.info.status for parent in recorded.parents] == ["FINISHED"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_stage_is_killed_in_the_store(workspace: Path, number: signal.Signals) -> None:
    process = start("", "--delay", "60")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, number)
    finish(process)
    wait_for(lambda: Recorded(workspace).statuses() == [("stage", "KILLED")])
    wait_for(lambda: Recorded(workspace).parents[0].info.status == "KILLED")


def test_a_run_whose_recorder_died_too_is_swept_by_the_next(workspace: Path) -> None:
    process = start("", "--delay", "60")
    wait_for(lambda: Recorded(workspace).statuses() == [("stage", "RUNNING")])
    recorder = int(Recorded(workspace).stages[0].data.tags["process"].split()[-2])
    os.kill(recorder, signal.SIGKILL)
    process.kill()
    process.communicate()
    assert finish(start("")) == (0, "")
    recorded = Recorded(workspace)
    assert recorded.statuses() == [("stage", "KILLED"), ("stage", "FINISHED")]
    assert recorded.parents[0].info.status == "FINISHED"


def test_a_dead_server_is_told_once_and_the_stage_goes_on(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
    started = time.monotonic()
    code, err = finish(start(""))
    assert code == 0
    assert err.count("\n") == 1
    assert err.startswith(f"MLflow: cannot record at http://127.0.0.1:{port} (")
    assert err.endswith("; the stage continues without\n")
    assert "secret" not in err
    assert time.monotonic() - started < 45
    assert (workspace / "out.json").read_text() == "{}"
    assert not (workspace / "mlflow.db").exists()


def test_another_store_takes_everything(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second_store = tmp_path / "other"
    second_store.mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{second_store / 'mlflow.db'}")
    monkeypatch.setenv("DVC_ROOT", str(second_store))  # the lock file lies in this folder
    assert finish(start("")) == (0, "")
    assert not (workspace / "mlflow.db").exists()
    assert Recorded(second_store).statuses() == [("stage", "FINISHED")]


def test_a_temporary_copy_records_in_the_repository_it_was_taken_from(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "the repository"
    root.mkdir()
    for name, value in {"ROOT": str(root), "EXP_NAME": "tall-tree", "EXP_BASELINE_REV": "abc"}.items():
        monkeypatch.setenv(f"DVC_{name}", value)
    assert finish(start("")) == (0, "")
    assert not (workspace / "mlflow.db").exists()
    recorded = Recorded(root)
    assert [run.info.run_name for run in recorded.parents] == ["tall-tree"]
    (run,) = recorded.stages
    assert (run.data.tags["dvc_experiment"], run.data.tags["dvc_baseline"]) == ("tall-tree", "abc")
    assert list((root / "mlartifacts").rglob("figure.svg"))


def dvc(workspace: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    process = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr


def test_under_dvc_a_run_says_what_it_was_made_from(workspace: Path) -> None:
    (workspace / ".dvc").mkdir()
    (workspace / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    (workspace / "dvc.yaml").write_text(DVC_YAML)
    (workspace / "params.yaml").write_text("runs:\n  a: {beam: 1, deep: {er: x}}\n")
    dvc(workspace, "repro")
    lock = yaml.safe_load((workspace / "dvc.lock").read_text())
    made_md5 = lock["stages"]["make"]["outs"][0]["md5"]
    first = Recorded(workspace)
    assert first.statuses() == [("make", "FINISHED"), ("use@a", "FINISHED")]
    make, use = first.stages
    assert use.data.params == {
        "command": "python -m stage --out reports/a.json",
        "runs.a.beam": "1",
        "runs.a.deep.er": "x",
    }
    assert [(entry.dataset.name, entry.dataset.digest) for entry in use.inputs.dataset_inputs] == [
        ("data/made.json", made_md5)
    ]
    assert first.artifacts(use, "reports") == ["reports/a.json", "reports/a.png"]
    assert use.info.run_name == "use@a"
    assert len(use.data.tags["params_sha256"]) == 64

    (workspace / "params.yaml").write_text("runs:\n  a: {beam: 1, deep: {er: x}}\n  b: {beam: 2}\n")
    dvc(workspace, "repro")
    second = Recorded(workspace)
    assert second.statuses()[2:] == [("use@b", "FINISHED")]
    old, new = second.parents
    assert second.stages[2].data.tags["mlflow.parentRunId"] == new.info.run_id
    assert new.data.tags["cached.make"] == make.info.run_id
    assert "cached.make" not in old.data.tags


REPORT = """
stages:
  make:
    cmd: python stage.py --out data/made.json
    deps:
      - stage.py
    outs:
      - data/made.json
  report:
    cmd: python stage.py --out reports/index.html
    deps:
      - data/made.json
    params:
      - title
    outs:
      - reports/index.html:
          cache: false
"""


def test_after_the_report_each_result_leads_to_the_run_that_made_its_bytes(workspace: Path) -> None:
    (workspace / ".dvc").mkdir()
    (workspace / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    (workspace / "dvc.yaml").write_text(REPORT)
    for title in ("one", "two"):  # in the second run, `make` comes from the cache
        (workspace / "params.yaml").write_text(f"title: {title}\n")
        dvc(workspace, "repro")
    recorded = Recorded(workspace)
    assert recorded.statuses() == [("make", "FINISHED"), ("report", "FINISHED"), ("report", "FINISHED")]
    make, _, report = (run.info.run_id for run in recorded.stages)
    written = json.loads((workspace / "reports/provenance.js").read_text().partition("\n")[2])
    md5 = hashlib.md5(b"{}").hexdigest()
    assert written["stages"] == [
        {"name": name, "files": [{"path": path, "md5": md5, "run": run, "found_by": "content"}]}
        for name, path, run in (("make", "data/made.json", make), ("report", "reports/index.html", report))
    ]
    assert written["runs"][make]["cpu_seconds"] is not None and written["runs"][make]["gpu_seconds"] == 0
    assert written["runs"][report]["parameters"] == {"title": "two"}
    assert written["total"]["runs"] == 2 and written["runs"].keys() == {make, report}
