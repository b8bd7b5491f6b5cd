"""The plan of stages to run, as a person reads it."""

import shutil
from pathlib import Path

import pytest

from pipeline import dag
from pipeline.commands import plan
from pipeline.commands.plan import Estimate
from pipeline.forecast import Change, Forecast
from pipeline.tracking import names, store
from tests.pipeline.test_dag import stage
from tests.support import project

EVERY = [stage("clean"), stage("train@a-1"), stage("report")]
CODE = Change("runs", ("code.py",))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with parameters and no store of MLflow."""
    monkeypatch.chdir(tmp_path)
    project.write_parameters(tmp_path)
    return tmp_path


def printed(changes: dict[str, Change], sizes: dict[str, int], patch: pytest.MonkeyPatch) -> None:
    """Print the plan of some changes."""
    patch.setattr(dag, "stages", lambda: EVERY)
    patch.setattr(plan, "forecast", lambda every: Forecast(changes, sizes))
    plan.main()


def test_what_is_up_to_date_is_not_run(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed({}, {}, monkeypatch)
    assert capsys.readouterr().out == "nothing to run: all 3 stages are up to date\n"


def test_changes_are_told_in_a_table(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {
        "clean": Change("kept", lacks=("data/clean",)),
        "train@a-1": Change("runs", ("code.py",), after=("clean",)),
        "report": Change("may run", after=("train@a-1",)),
    }
    printed(changes, {"train@a-1": 9, "report": 9}, monkeypatch)
    assert capsys.readouterr().out == (
        "stage                           time     disk  why\n"
        "clean      from DVC's cache           unknown  no data/clean\n"
        "train@a-1  run               unknown      9 B  code.py\n"
        "report     may run           unknown      9 B  after train@a-1\n"
        "\n"
        "to run: 1 of 3 stages, unknown time; 9 B of disk\n"
        "with all that may run: 2 of 3 stages, unknown time; 18 B of disk\n"
    )
    assert not (workspace / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"train@a-1": CODE}, {"train@a-1": Estimate(100.0)}),
        ({"train@a-3": Change("runs", is_new=True)}, {"train@a-3": Estimate(200.0, own=False)}),
        # Other text or parameters: what it took before says nothing.
        ({"train@a-1": Change("runs", ("model.layers",), is_as_large=False)}, {"train@a-1": Estimate(None)}),
        (
            {"train@a-1": Change("runs", is_as_large=False), "train@a-3": Change("runs", is_new=True)},
            {"train@a-1": Estimate(None), "train@a-3": Estimate(300.0, own=False)},
        ),
    ],
)
def test_figures_of_earlier_runs_are_given_for_as_much_work(
    changes: dict[str, Change], expected: dict[str, Estimate]
) -> None:
    steps = plan.steps(Forecast(changes, {}), {"train@a-1": 100.0, "train@a-2": 300.0, "clean": 7.0})
    assert {step.stage: step.seconds for step in steps} == expected


@pytest.mark.process
def test_times_are_those_of_the_latest_whole_run(workspace: Path, mlflow_database: Path) -> None:
    assert plan.durations("seq2seq") == {}
    shutil.copy(mlflow_database, workspace / "mlflow.db")
    mlflow = store.Store("seq2seq")
    others = {f"{names.OUTPUT}data/clean": "md5 of other parameters"}
    for start, end, tags in (
        (1000, 5000, {}),
        (10_000, 12_500, {f"{names.OUTPUT}data/clean": "abc.dir"}),
        (20_000, 21_000, {"resumed": "x"}),
        (22_000, 29_000, others),
    ):
        run, parent = mlflow.begin("clean", {}, tags, start)
        mlflow.end(run, parent, "FINISHED", end)
    run, parent = mlflow.begin("clean", {}, {}, 30_000)
    mlflow.end(run, parent, "FAILED", 90_000)
    assert plan.durations("seq2seq") == {"clean": 7.0}
    outs = "    - path: data/clean\n      md5: abc.dir\n    - path: page.html\n      md5: def\n"
    (workspace / "dvc.lock").write_text(f"schema: '2.0'\nstages:\n  clean:\n    outs:\n{outs}")
    assert plan.durations("seq2seq") == {"clean": 2.5}


@pytest.mark.process
def test_a_store_that_does_not_answer_costs_only_the_times(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "mlflow.db").write_text("no database")
    printed({"clean": CODE}, {}, monkeypatch)
    out, err = capsys.readouterr()
    assert err.startswith("no times: ") and err.count("\n") == 1
    assert "code.py" in out


def test_sums_are_of_all_in_turn_and_of_the_longest_row() -> None:
    changes = {
        "a": CODE,
        "b@x": Change("may run", after=("a",)),
        "b@y": Change("may run", after=("a",)),
        "c": Change("may run", after=("b@x", "b@y")),
    }
    steps = plan.steps(Forecast(changes, {"a": 1500}), {"a": 10.0, "b@x": 20.0, "c": 5.0})
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


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change("runs", ("a", "b", "c", "d", "e")), "a, b, c and 2 more"),
        (Change("runs", ("a", "b"), is_new=True), "new"),
        (Change("kept", lacks=("page.txt",)), "no page.txt"),
        (Change("may run", after=("a",)), "after a"),
    ],
)
def test_one_reason_is_told(change: Change, text: str) -> None:
    assert plan.reasons(change) == text
