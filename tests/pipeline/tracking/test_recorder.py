"""The recorder as a process of its own, under stages that are processes, and under DVC."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.tracking import outbox
from tests.support import servers
from tests.support.tracked import DATABASE, Recorded

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
STAGE = """
import sys, time
from pathlib import Path
from pipeline.running import program
from pipeline.tracking import run as tracking

def main(out: Path = Path("out.json"), delay: float = 0.0) -> None:
    '''A stage.'''
    with tracking.run() as run:
        run.metrics({"loss": 1.0}, step=1)
        print("ready", flush=True)
        time.sleep(delay)
        out.parent.mkdir(exist_ok=True)
        out.write_text("{}")
        out.with_suffix(".png").write_bytes(b"a picture")
    assert not {"mlflow", "dvc", "psutil", "yaml"} & sys.modules.keys()

if __name__ == "__main__":
    program.program(main)
"""


@pytest.fixture
def workspace(tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder for stages whose name has a space, and work in it."""
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "stage.py").write_text(STAGE)
    shutil.copy(mlflow_database, folder / DATABASE)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("S2S_TRACKING")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return folder


def start(name: str, *flags: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "stage.py", *flags]
    environment = os.environ | {"DVC_STAGE": name}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment
    )


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.2)


def statuses(workspace: Path) -> list[tuple[str, str]]:
    try:
        return Recorded(workspace).statuses()
    except AssertionError:  # no experiment yet
        return []


def test_one_recorder_serves_all_stages_outlives_them_and_goes_away(workspace: Path) -> None:
    processes = [start("short", "--out", f"out{index}.json") for index in range(6)]
    long = start("long", "--delay", "600")
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
    ended = [("short", "FINISHED")] * 6
    wait_for(lambda: sorted(statuses(workspace)) == [("long", "RUNNING"), *ended])
    recorded = Recorded(workspace)
    assert len(recorded.parents) == 1 and outbox.is_recording()
    for run in recorded.stages:
        assert recorded.curve(run, "loss") == [(1, 1.0)]
    os.killpg(long.pid, signal.SIGKILL)
    killed = time.monotonic()
    long.communicate()
    wait_for(lambda: not outbox.is_recording())
    assert time.monotonic() - killed < 60  # some seconds, on a machine that is not busy
    assert sorted(statuses(workspace)) == [("long", "KILLED"), *ended]
    assert Recorded(workspace).parents[0].info.status == "KILLED"


def test_a_stage_does_not_wait_for_a_dead_server_and_track_names_it(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = servers.dead()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.replace("//", "//me:secret@"))
    out, err = start("stage").communicate(timeout=120)
    assert (out, err) == ("ready\n", "") and len(outbox.runs()) == 1
    command = [sys.executable, "-m", "pipeline.tracking.track", "--seconds", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "work/tracking: 0 runs delivered, 1 remain, 0 are running\n")
    assert done.stderr.startswith(f"MLflow: cannot record at {address} (") and done.stderr.count("\n") == 1
    assert len(outbox.runs()) == 1
    wait_for(lambda: not outbox.is_recording(), 60)


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
  report:
    cmd: python stage.py --out reports/index.html
    deps:
      - reports/a.json
    params:
      - title
    outs:
      - reports/index.html:
          cache: false
"""


def reproduce(parameters: str) -> None:
    Path("params.yaml").write_text(parameters)
    process = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"], capture_output=True, text=True, check=False, timeout=300
    )
    assert process.returncode == 0, process.stdout + process.stderr
    wait_for(lambda: not outbox.runs())


def test_under_dvc_each_result_leads_to_the_run_that_made_its_bytes(workspace: Path) -> None:
    (workspace / ".dvc").mkdir()
    (workspace / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    (workspace / "dvc.yaml").write_text(DVC_YAML)
    reproduce("title: one\nruns:\n  a: {beam: 1, deep: {er: x}}\n")
    made_md5 = yaml.safe_load((workspace / "dvc.lock").read_text())["stages"]["make"]["outs"][0]["md5"]
    first = Recorded(workspace)
    assert first.statuses() == [(name, "FINISHED") for name in ("make", "use@a", "report")]
    make, use, _ = first.stages
    assert use.data.params == {
        "command": "python -m stage --out reports/a.json",
        "runs.a.beam": "1",
        "runs.a.deep.er": "x",
    }
    assert [(entry.dataset.name, entry.dataset.digest) for entry in use.inputs.dataset_inputs] == [
        ("data/made.json", made_md5)
    ]
    assert first.artifacts(use, "reports") == ["reports/a.json", "reports/a.png"]
    assert use.info.run_name == "use@a" and len(use.data.tags["params_sha256"]) == 64

    reproduce("title: two\nruns:\n  a: {beam: 1, deep: {er: x}}\n")  # only the report runs
    wait_for(lambda: not outbox.is_recording())
    second = Recorded(workspace)
    assert second.statuses()[3:] == [("report", "FINISHED")]
    old, new = second.parents
    report = second.stages[3]
    assert report.data.tags["mlflow.parentRunId"] == new.info.run_id
    assert new.data.tags["cached.make"] == make.info.run_id and new.data.tags["cached.use:a"] == use.info.run_id
    assert "cached.make" not in old.data.tags

    written = json.loads((workspace / "reports/provenance.js").read_text().partition("\n")[2])
    runs = {file["path"]: (file["run"], file["found_by"]) for stage in written["stages"] for file in stage["files"]}
    assert runs == {
        "data/made.json": (make.info.run_id, "content"),
        "reports/a.json": (use.info.run_id, "content"),
        "reports/a.png": (use.info.run_id, "content"),
        "reports/index.html": (report.info.run_id, "content"),
    }
    assert written["stages"][0]["files"][0]["md5"] == hashlib.md5(b"{}").hexdigest()
    cost = written["runs"][make.info.run_id]
    assert cost["cpu_seconds"] is not None and cost["gpu_seconds"] == 0
    assert written["runs"][report.info.run_id]["parameters"] == {"title": "two"}
