"""The plan of stages to run, compared with DVC on a small pipeline that was run and then changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import dag
from pipeline.commands import plan
from pipeline.commands.plan import Estimate, Step
from pipeline.dag import Difference
from pipeline.tracking import store
from s2s.errors import UserError
from tests.pipeline.test_dag import stage
from tests.support import project

pytestmark = pytest.mark.engine

DVC_YAML = """
stages:
  clean:
    cmd: cp raw.txt clean.txt
    deps:
      - raw.txt
    params:
      - clean.lowercase
    outs:
      - clean.txt
  train:
    foreach: ${models}
    do:
      cmd: mkdir -p ${item.system} && cat clean.txt code.py > ${item.system}/${item.seed}.txt
      deps:
        - clean.txt
        - code.py
      params:
        - model.layers
      outs:
        - ${item.system}/${item.seed}.txt
  report:
    cmd: cat reversed/1.txt > page.txt
    deps:
      - reversed/1.txt
    outs:
      - page.txt
"""
ONE = {
    "models": {"reversed-1": {"system": "reversed", "seed": 1, "vocabulary": "base"}},
    "runs": {"single": project.RUNS["single"]},
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a pipeline that is up to date, and work in its folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / "raw.txt").write_text("raw\n")
    (tmp_path / "code.py").write_text("code\n")
    write_parameters(tmp_path)
    repro(tmp_path)
    return tmp_path


def write_parameters(folder: Path, **sections: Any) -> None:
    project.write_parameters(folder, **ONE, **project.first_by("single"), **sections)


def repro(folder: Path) -> list[str]:
    """Run `dvc repro` and return the stages that it ran."""
    command = [sys.executable, "-m", "dvc", "repro"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return [line.split("'")[1] for line in process.stdout.split("\n") if line.startswith("Running stage")]


def planned(times: dict[str, float] | None = None) -> list[Step]:
    return plan.steps(dag.stages(), dag.differences(), plan.locked(), times or {})


def test_a_fresh_clone_has_all_to_run(workspace: Path) -> None:
    for name in ("clean.txt", "reversed/1.txt", "page.txt"):
        (workspace / name).unlink()
    shutil.rmtree(workspace / ".dvc/cache")
    fates = {step.stage: step.fate for step in planned()}
    assert fates == {"clean": "runs", "train@reversed-1": "runs", "report": "runs"}


def fates() -> dict[str, str]:
    return {step.stage: step.fate for step in planned()}


def test_what_is_up_to_date_is_not_run(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.main()
    assert capsys.readouterr().out == "nothing to run: all 3 stages are up to date\n"


def test_a_parameter_runs_its_stage_and_may_run_those_behind(workspace: Path) -> None:
    write_parameters(workspace, model={"layers": 2})
    first, second = planned()
    assert (first.stage, first.fate, first.why) == ("train@reversed-1", "runs", "model.layers")
    assert (second.stage, second.fate, second.why) == ("report", "may run", "after train@reversed-1")
    assert repro(workspace) == ["train@reversed-1"]  # its output is unchanged, so `report` does not run
    assert fates() == {}


def test_code_runs_its_stage_and_those_behind(workspace: Path) -> None:
    (workspace / "code.py").write_text("other\n")
    assert [step.why for step in planned()] == ["code.py", "after train@reversed-1"]
    assert repro(workspace) == ["train@reversed-1", "report"]


def test_what_was_made_before_is_taken_from_the_cache(workspace: Path) -> None:
    (workspace / "code.py").write_text("other\n")
    repro(workspace)
    (workspace / "code.py").write_text("code\n")
    assert fates() == {"train@reversed-1": "kept", "report": "may run"}
    assert repro(workspace) == []


def test_results_that_are_gone_are_taken_from_the_cache_or_made_again(workspace: Path) -> None:
    (workspace / "page.txt").unlink()
    (step,) = planned()
    assert (step.fate, step.why) == ("kept", "no page.txt")
    for file in (workspace / ".dvc/cache/files").rglob("*"):
        if file.is_file():
            file.unlink()
    assert fates()["report"] == "runs"


def test_a_new_model_is_expected_to_take_what_others_took(workspace: Path) -> None:
    models = {f"reversed-{seed}": {"system": "reversed", "seed": seed, "vocabulary": "base"} for seed in (1, 2)}
    project.write_parameters(workspace, models=models, runs=ONE["runs"], **project.first_by("single"))
    (step,) = planned({"train@reversed-1": 100.0, "train@gone": 300.0, "clean": 7.0})
    assert (step.stage, step.fate, step.why) == ("train@reversed-2", "runs", "new")
    assert step.seconds == Estimate(200.0, own=False)
    assert step.bytes == Estimate(9.0, own=False)


def test_nothing_is_known_before_the_first_run(workspace: Path) -> None:
    (workspace / "dvc.lock").unlink()
    steps = planned()
    assert [step.fate for step in steps] == ["kept", "runs", "runs"]  # DVC's cache still has the first result
    assert {step.seconds for step in steps} | {step.bytes for step in steps} == {Estimate(None)}


def test_changes_are_told_in_a_table(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "code.py").write_text("other\n")
    plan.main()
    assert capsys.readouterr().out == (
        "stage                         time  disk  why\n"
        "train@reversed-1  run      unknown   9 B  code.py\n"
        "report            may run  unknown   9 B  after train@reversed-1\n"
        "\n"
        "to run: 1 of 3 stages, unknown time; 9 B of disk\n"
        "with all that may run: 2 of 3 stages, unknown time; 18 B of disk\n"
    )
    assert not (workspace / "mlflow.db").exists()


def test_a_pipeline_at_work_is_left_alone(workspace: Path) -> None:
    code = "import sys; from dvc.repo import Repo\nwith Repo().lock: print('locked', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"locked\n"
        with pytest.raises(UserError, match=r"dvc\.lock: found another DVC process at work; expected none"):
            dag.differences()
    finally:
        holder.communicate()


def test_times_are_those_of_the_latest_whole_run(workspace: Path) -> None:
    assert store.durations("seq2seq") == {}
    mlflow = store.Store("seq2seq")
    for start, end, tags in ((1000, 5000, {}), (10_000, 12_500, {}), (20_000, 21_000, {"resumed": "x"})):
        run, parent = mlflow.begin("clean", {}, tags, start)
        mlflow.end(run, parent, "FINISHED", end)
    run, parent = mlflow.begin("clean", {}, {}, 30_000)
    mlflow.end(run, parent, "FAILED", 90_000)
    assert store.durations("seq2seq") == {"clean": 2.5}


def test_a_store_that_does_not_answer_costs_only_the_times(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "mlflow.db").write_text("no database")
    (workspace / "page.txt").unlink()
    plan.main()
    out, err = capsys.readouterr()
    assert err.startswith("no times: ") and err.count("\n") == 1
    assert "from DVC's cache" in out


EVERY = [stage("a", "", "1"), stage("b@x", "1", "2"), stage("b@y", "1", "3"), stage("c", "2 3", "4")]


def test_sums_are_of_all_in_turn_and_of_the_longest_row() -> None:
    changed = {"a": Difference(("k",), (), False)}
    times = {"a": 10.0, "b@x": 20.0, "c": 5.0}
    steps = plan.steps(EVERY, changed, {"a": {"outs": [{"size": 1500}]}}, times)
    assert list(plan.sums(steps, 4)) == [
        "to run: 1 of 4 stages, 10 s one after another, 10 s at least side by side; 1.5 kB of disk",
        "with all that may run: 4 of 4 stages, 55 s one after another, 35 s at least side by side; "
        "1.5 kB and 3 unknown of disk",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (100, "2 min"), (5399, "90 min"), (86_400, "24.0 h")]
)
def test_times_are_said_as_a_person_does(seconds: float, text: str) -> None:
    assert plan.in_time(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (25_300_000, "25.3 MB"), (10**16, "10000.0 TB")]
)
def test_sizes_are_said_as_a_person_does(size: int, text: str) -> None:
    assert plan.in_bytes(size) == text


def test_long_lists_of_reasons_are_cut() -> None:
    assert plan.reasons(Difference(("a", "b", "c", "d", "e"), (), False), True) == "a, b, c and 2 more"


def test_the_real_pipeline_can_be_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = yaml.safe_load((project.ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    every = dag.stages(project.ROOT)
    steps = plan.steps(every, {"train@reversed-1": Difference(("model.layers",), (), False)}, lock, {})
    assert steps[0].stage == "train@reversed-1"
    assert {"members@single", "perplexity", "report"} <= {step.stage for step in steps}
    assert "clean" not in {step.stage for step in steps}
