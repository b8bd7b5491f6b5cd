"""Tracking of stages in a real SQLite store, read back by MLflow's client."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.tracking import address, delivery, names, outbox, recorder, store, track
from pipeline.tracking import run as tracking
from s2s.errors import UserError
from tests.support import servers, tracked
from tests.support.tracked import Recorded, deliver

pytestmark = pytest.mark.process


@pytest.fixture
def workspace(tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder for stages whose name has a space, and work in it."""
    folder = tmp_path / "a b"
    folder.mkdir()
    tracked.work_in(folder, mlflow_database, monkeypatch)
    monkeypatch.setattr(sys, "argv", ["stage.py"])
    monkeypatch.setenv("DVC_STAGE", "stage")
    return folder


def record(error: BaseException | None = None) -> None:
    """Do what a stage does."""
    with tracking.run() as run:
        for step in (1, 2, 3):
            run.metrics({"loss": 1.0 / step, "train/a@b": 5}, step=step)
        run.tag("resumed", "epoch 3")
        run.part("layers-2", {"model.layers": "2"}, {"bleu": 21.5})
        Path("figure.svg").write_text("<svg/>")
        run.artifact(Path("figure.svg"))
        if error:
            raise error


def fake(stage: str, process: str, time: int) -> outbox.Sender:
    """Return the outbox of a process that sends no end."""
    start = {"stage": stage, "command": "x", "time": time, "cwd": str(Path.cwd()), "process": process}
    start |= {"store": f"sqlite:///{Path.cwd() / 'mlflow.db'}", "experiment": "seq2seq", "group": {}, "tags": {}}
    return outbox.Sender(start | {"params": {}, "inputs": {}})


def dead() -> str:
    """Return the identity of a process that has ended."""
    process = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return f"{os.uname().nodename} {int(process.stdout)} 0"


def assert_recorded_once(workspace: Path) -> None:
    recorded = Recorded(workspace)
    (run,), (parent,) = recorded.stages, recorded.parents
    assert len(recorded.runs) == 3  # with one nested run
    assert {each.info.status for each in recorded.runs} == {"FINISHED"}
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert run.data.tags["resumed"] == "epoch 3"
    assert recorded.curve(run, "loss") == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert run.data.metrics["train/a:b"] == 5 and run.data.metrics["cpu_seconds"] >= 0
    assert recorded.artifacts(run) == ["figure.svg"]
    assert outbox.runs() == []


def test_a_stage_writes_no_word_to_mlflow_itself_and_all_arrives(workspace: Path) -> None:
    record()
    (folder,) = outbox.runs()
    assert outbox.over() == [folder]
    deliver()
    assert_recorded_once(workspace)


@pytest.mark.parametrize("call", range(9))
def test_a_recorder_killed_at_any_moment_delivers_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    record()
    calls = []

    def killed_after(method: Callable[..., Any]) -> Callable[..., Any]:
        def work(*arguments: Any, **named: Any) -> Any:
            result = method(*arguments, **named)
            calls.append(method.__name__)
            if len(calls) == call + 1:
                raise SystemExit("killed")
            return result

        return work

    with monkeypatch.context() as patch:
        for name in ("begin", "_create", "write", "part", "end"):
            patch.setattr(store.Store, name, killed_after(getattr(store.Store, name)))
        patch.setattr(delivery.Delivery, "note", killed_after(delivery.Delivery.note))
        with pytest.raises(SystemExit, match="killed"):
            deliver()
    deliver()
    assert_recorded_once(workspace)


def test_a_failed_stage_fails_its_parent_until_it_succeeds(workspace: Path) -> None:
    for error, status in ((AssertionError(), "FAILED"), (SystemExit(143), "KILLED"), (UserError("x"), "FAILED")):
        with pytest.raises(type(error)):
            record(error)
        deliver()
        recorded = Recorded(workspace)
        assert recorded.statuses()[-1] == ("stage", status)
        assert recorded.parents[0].info.status == status
    record()
    deliver()
    assert [parent.info.status for parent in Recorded(workspace).parents] == ["FINISHED"]


def test_a_stage_that_dies_without_a_word_is_killed_at_the_time_of_its_last(workspace: Path) -> None:
    sender = fake("train", dead(), 1_000)
    sender.send({"metrics": {"loss": 1.0}, "step": 1, "time": 2_000})
    os.utime(sender.folder / outbox.MESSAGES, (3.0, 3.0))
    deliver()
    recorded = Recorded(workspace)
    assert recorded.statuses() == [("train", "KILLED")]
    assert (recorded.stages[0].info.start_time, recorded.stages[0].info.end_time) == (1_000, 3_000)
    assert recorded.parents[0].info.status == "KILLED"


def test_numbers_of_a_running_stage_arrive_while_it_runs(workspace: Path) -> None:
    sender = fake("train", f"{os.uname().nodename} {os.getpid()} {outbox.now() / 1000}", outbox.now())
    worker = recorder.Recorder()
    assert worker.round()
    for step in (1, 2):
        sender.send({"metrics": {"loss": 1.0}, "step": step, "time": step})
        assert worker.round()  # so that the recorder stays
        recorded = Recorded(workspace)
        assert recorded.statuses() == [("train", "RUNNING")]
        assert len(recorded.curve(recorded.stages[0], "loss")) == step


def test_a_run_whose_messages_are_gone_is_swept_by_the_next_recorder(workspace: Path) -> None:
    sender = fake("train", dead(), 1_000)
    worker = recorder.Recorder()
    opened = store.Store("seq2seq")
    delivery.Delivery(sender.folder).begin(opened)
    shutil.rmtree(sender.folder)
    record()
    deliver(worker)
    assert sorted(Recorded(workspace).statuses()) == [("stage", "FINISHED"), ("train", "KILLED")]


def test_torn_and_damaged_lines_are_left_out(workspace: Path) -> None:
    sender = fake("train", dead(), 1_000)
    sender.send({"metrics": {"a": 1.0}, "step": 1, "time": 2_000})
    sender.send({"metrics": {"b": 1.0}, "step": 1, "time": 2_000})
    path = sender.folder / outbox.MESSAGES
    path.write_bytes(path.read_bytes().replace(b'"b"', b'"c"') + b'00000000 {"met')
    sender.is_torn = True
    sender.send({"metrics": {"d": 1.0}, "step": 1, "time": 2_000})
    path.write_bytes(path.read_bytes() + b'12345678 {"end": "FINISHED"')
    deliver()
    recorded = Recorded(workspace)
    assert recorded.stages[0].data.metrics == {"a": 1.0, "d": 1.0}
    assert recorded.statuses() == [("train", "KILLED")]


def test_a_damaged_record_holds_up_no_other(workspace: Path) -> None:
    for content in ("", "{}", "[1]", '{"process": 1}'):
        path = fake("train", dead(), 1_000).folder / outbox.START
        path.write_text(content)
    record()
    deliver()
    assert Recorded(workspace).statuses() == [("stage", "FINISHED")]
    assert len(outbox.runs()) == 4 and outbox.over() == []


def test_a_store_that_does_not_answer_loses_nothing_and_is_told_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = store.Store
    monkeypatch.setattr(store, "Store", lambda experiment: (_ for _ in ()).throw(OSError("a\x1b[31m full disk")))
    worker = recorder.Recorder()
    record()
    assert capsys.readouterr().err == ""
    assert not worker.round() and not worker.is_needed()  # the recorder may leave
    with pytest.raises(KeyboardInterrupt):
        record(KeyboardInterrupt())
    record()
    err = capsys.readouterr().err
    assert err.startswith("MLflow: cannot record at sqlite:///") and err.count("\n") == 1
    assert "(a\\x1b[31m full disk)" in err and "`python -m pipeline track`" in err
    monkeypatch.setattr(store, "Store", opened)
    worker.retries.clear()
    deliver(worker)
    assert Recorded(workspace).statuses() == [("stage", "FINISHED"), ("stage", "KILLED"), ("stage", "FINISHED")]
    assert outbox.trouble() == ""


def test_a_full_disk_under_the_messages_costs_messages_alone(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, full = os.write, [True, False, True]

    def partly(file: int, content: bytes) -> int:
        return write(file, content[: len(content) // 2] if full and full.pop() else content)

    monkeypatch.setattr(os, "write", partly)
    record()
    err = capsys.readouterr().err
    assert err.count("\n") == 2 and err.startswith("work/tracking: found no space left on device; the stage goes on")
    deliver()
    recorded = Recorded(workspace)
    assert recorded.curve(recorded.stages[0], "loss") == [(2, 0.5)]
    assert recorded.statuses() == [("stage", "FINISHED")]


def test_a_repository_that_cannot_be_written_stops_no_stage(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("work").write_text("a file")
    record()
    assert capsys.readouterr().err.count("\n") == 1


def test_runs_of_a_person_and_deleted_ones_do_not_end_recording(workspace: Path) -> None:
    record()
    deliver()
    first = Recorded(workspace)
    tags = {"mlflow.parentRunId": first.parents[0].info.run_id, "mlflow.runName": "mine"}
    first.client.create_run(first.experiment, tags=tags)
    record()
    deliver()
    assert Recorded(workspace).statuses() == [("stage", "FINISHED")] * 2
    record()
    worker = recorder.Recorder()
    (folder,) = outbox.runs()
    begun = worker.deliveries[folder] = delivery.Delivery(folder)
    begun.begin(store.Store("seq2seq"))
    for deleted in (begun.run, begun.parent):
        first.client.delete_run(deleted)
    record()
    deliver(worker)
    assert outbox.runs() == [] and Recorded(workspace).statuses() == [("stage", "FINISHED")] * 3
    first.client.delete_experiment(first.experiment)
    record()
    deliver()
    assert Recorded(workspace, "seq2seq (2)").statuses() == [("stage", "FINISHED")]
    assert store.Store.find("seq2seq") is not None


def test_artifacts_follow_a_repository_that_is_moved_or_copied(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record()
    deliver()
    moved = workspace.rename(tmp_path / "moved")
    copied = Path(shutil.copytree(moved, tmp_path / "copied"))
    for folder in (moved, copied):
        monkeypatch.chdir(folder)
        record()
        deliver()
        recorded = Recorded(folder)
        assert [recorded.artifacts(run) for run in recorded.stages] == [["figure.svg"]] * 2
        assert len(list((folder / "mlartifacts").rglob("figure.svg"))) == 2
    assert not workspace.exists()


def test_artifacts_that_a_person_put_elsewhere_stay_there(workspace: Path, tmp_path: Path) -> None:
    place = tmp_path / "mlartifacts"
    place.mkdir()
    (workspace / "mlartifacts").mkdir()
    client = store.Store("another").client
    client.create_experiment("seq2seq", artifact_location=place.as_uri())
    record()
    deliver()
    assert list(place.rglob("figure.svg"))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, "sqlite:///{root}/mlflow.db"),
        ("sqlite:///runs/mlflow.db", "sqlite:///{root}/runs/mlflow.db"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
        ("mlruns", "{root}/mlruns"),
        ("file:mlruns", "file://{root}/mlruns"),
        ("file:///data/mlruns", "file:///data/mlruns"),
        ("http://me:secret@host:5000", "http://me:secret@host:5000"),
        ("databricks", "databricks"),
    ],
)
def test_relative_addresses_start_at_the_repository(
    given: str | None, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    if given:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    assert address.uri() == wanted.format(root=tmp_path)


def test_a_temporary_copy_records_in_the_repository_it_was_taken_from(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "temporary"
    copy.mkdir()
    monkeypatch.chdir(copy)
    for name, value in {"ROOT": str(workspace), "EXP_NAME": "tall-tree", "EXP_BASELINE_REV": "abc"}.items():
        monkeypatch.setenv(f"DVC_{name}", value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    record()
    monkeypatch.chdir(workspace)
    shutil.rmtree(copy)
    deliver()
    recorded = Recorded(workspace)
    assert [run.info.run_name for run in recorded.parents] == ["tall-tree"]
    (run,) = recorded.stages
    assert (run.data.tags["dvc_experiment"], run.data.tags["dvc_baseline"]) == ("tall-tree", "abc")
    assert list((workspace / "mlartifacts").rglob("figure.svg"))


def test_each_run_goes_to_the_store_that_its_stage_named(
    workspace: Path, tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(mlflow_database, tmp_path / tracked.DATABASE)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    record()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    record()
    deliver()
    for folder in (workspace, tmp_path):
        assert Recorded(folder).statuses() == [("stage", "FINISHED")]
        assert len(list((folder / "mlartifacts").rglob("figure.svg"))) == 1


def test_no_password_is_written_to_the_disk(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", servers.dead().replace("//", "//me:secret@"))
    record()
    assert not recorder.Recorder().round()
    texts = [path.read_text() for path in (workspace / "work/tracking").rglob("*") if path.is_file()]
    assert len(texts) > 2 and not any("secret" in text for text in texts)


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_run_names_its_user_its_commit_and_a_tree_that_differs_from_it(workspace: Path) -> None:
    git("init")
    for name in ("code.py", "dvc.lock"):
        Path(name).write_text("1")
    git("add", "code.py", "dvc.lock")
    git("commit", "-m", "first")
    Path("dvc.lock").write_text("a run writes it")
    Path("new.txt").write_text("git does not know it")
    record()
    Path("code.py").write_text("2")
    record()
    deliver()
    recorded = Recorded(workspace)
    assert [run.data.tags.get("git.dirty") for run in recorded.stages] == [None, "true"]
    (parent,) = recorded.parents
    for run in (*recorded.stages, parent):
        assert run.data.tags["mlflow.source.git.commit"] == git("rev-parse", "HEAD")
        assert run.data.tags["mlflow.user"] == run.info.user_id != "unknown"


EVIL = "a'b\"c`d\u202e\udc80 \x1b[31m\x00<script>" + "long " * 3000


def test_hostile_text_is_recorded_as_text(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "a'b\"c.txt"
    Path(path).write_text("data")
    Path("params.yaml").write_text("a: 1\n")
    Path("dvc.yaml").write_text(json.dumps({"stages": {"stage": {"cmd": "x", "deps": [path], "params": ["a"]}}}))
    monkeypatch.setattr(sys, "argv", ["stage.py", EVIL])
    with tracking.run() as run:
        run.metrics(dict.fromkeys((EVIL, "../../x", "/abs", "a//b", ".", ""), 1.0))
        run.tag(EVIL, EVIL)
        run.part(EVIL, {EVIL: EVIL}, {EVIL: float("nan")})
    deliver()
    recorded = Recorded(workspace)
    assert recorded.statuses() == [("stage", "FINISHED")] and len(recorded.runs) == 3
    (run,) = recorded.stages
    assert [entry.dataset.name for entry in run.inputs.dataset_inputs] == [path]
    assert json.loads(run.inputs.dataset_inputs[0].dataset.source) == {"uri": path}
    assert len(run.data.metrics) == 7  # of the six names, `.` and the empty one are alike
    assert run.data.params["command"].startswith(shlex.join(["python", "-m"]))
    assert all(text.isprintable() for text in run.data.tags.values())


def test_names_are_such_as_mlflow_takes() -> None:
    assert names.legal("train@reversed-1") == "train:reversed-1"
    assert names.legal("output.reports/a.json") == "output.reports/a.json"
    assert len(names.legal("x" * 1000)) < 250 and names.legal("x" * 1000) != names.legal("x" * 1001)


def test_track_delivers_what_waits(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record()
    worker = recorder.Recorder()
    monkeypatch.setattr(outbox, "wake", lambda: worker.round() and False)
    fake("train", f"{os.uname().nodename} {os.getpid()} {outbox.now() / 1000}", outbox.now())
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(store, "Store", lambda experiment: (_ for _ in ()).throw(OSError("a full disk")))
        track.main(0.0)
    said = capsys.readouterr()
    assert (end.value.code, said.out.splitlines()[-1]) == (
        1,
        "work/tracking: 0 runs delivered, 1 remain, 1 are running",
    )
    assert said.err.startswith("MLflow: cannot record at sqlite:///") and said.err.count("\n") == 1
    worker.retries.clear()
    track.main()
    assert capsys.readouterr().out == "work/tracking: 1 runs delivered, 0 remain, 1 are running\n"
    assert Recorded(workspace).statuses()[0] == ("stage", "FINISHED")
