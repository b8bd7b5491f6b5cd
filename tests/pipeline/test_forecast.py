"""The forecast of a run is what DVC then does, on a small pipeline."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import dag, forecast
from s2s.errors import UserError
from tests.pipeline import test_dag

pytestmark = pytest.mark.engine

DVC_YAML = """
stages:
  check:
    cmd: echo check >> ran.log; mkdir -p data; echo ok > data/checked.txt; sh sweep.sh
    deps: [params.yaml]
    outs:
      - data/checked.txt
      - data/declared.txt: {cache: false}
  clean:
    cmd: echo clean >> ran.log; mkdir -p data/clean; head -c ${clean.bytes} raw.txt > data/clean/text
    deps: [data/checked.txt, raw.txt]
    params: [clean]
    outs: [data/clean]
  translate:
    foreach: ${runs}
    do:
      cmd: >-
        echo ${key} >> ran.log; mkdir -p out/${key};
        cat code.py data/clean/text | head -c ${item.bytes} > out/${key}/text
      deps: [data/clean/text, code.py]
      params: ["runs.${key}"]
      outs: ["out/${key}"]
  gather:
    cmd: echo gather >> ran.log; cat out/*/text > page.txt
    deps: [out]
    params: [runs]
    outs: [page.txt]
"""
PARAMETERS = "clean: {bytes: 3}\nruns:\n  a: {bytes: 4}\n  b: {bytes: 2}\n"
SWEEP = "printf 'data/checked.txt\\ndata/declared.txt\\ndata/clean\\npage.txt\\nout/a\\nout/b\\n' > data/declared.txt"
EVERY = ("check", "clean", "a", "b", "gather")
WITHOUT_B = "clean: {bytes: 3}\nruns:\n  a: {bytes: 4}\n"


def repro(folder: Path) -> list[str]:
    """Run the pipeline as `dvc repro` does, and return the stages whose commands ran."""
    log = folder / "ran.log"
    log.unlink(missing_ok=True)
    with dag.opened(folder, lock=False) as repo:
        repo.reproduce()
    return log.read_text().split() if log.exists() else []


def fates() -> dict[str, str]:
    """Return the fate of each stage that is not up to date, by its name or the key of a loop."""
    changes = forecast.forecast(dag.stages()).changes
    return {name.rpartition("@")[2]: change.fate for name, change in changes.items()}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a pipeline that has run."""
    folder = tmp_path_factory.mktemp("done")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text(
        "[core]\n    no_scm = true\n    analytics = false\n[cache]\n    type = symlink\n"
    )
    texts = {"dvc.yaml": DVC_YAML, "params.yaml": PARAMETERS, "raw.txt": "raw text", "code.py": "c", "sweep.sh": SWEEP}
    for name, text in texts.items():
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert repro(folder) == list(EVERY)
    return folder


@pytest.fixture
def workspace(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the pipeline that has run, and work in the copy."""
    folder = tmp_path / "copy"
    shutil.copytree(done, folder, symlinks=True)
    for link in [path for path in folder.rglob("*") if path.is_symlink()]:
        target = str(link.readlink()).replace(str(done), str(folder))
        link.unlink()
        link.symlink_to(target)
    monkeypatch.chdir(folder)
    return folder


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def remove_b(folder: Path) -> None:
    (folder / "params.yaml").write_text(WITHOUT_B)
    (folder / "sweep.sh").write_text(SWEEP.replace("out/b\\n", "") + "; rm -rf out/b")


def freeze(folder: Path) -> None:
    (folder / "dvc.yaml").write_text(DVC_YAML.replace("  clean:\n", "  clean:\n    frozen: true\n"))
    (folder / "raw.txt").write_text("other")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda folder: None, {}),
        (write("params.yaml", f"# a comment\n{PARAMETERS}"), {"check": "runs"}),
        (write("code.py", "d"), {"a": "runs", "b": "runs", "gather": "may run"}),
        (write("raw.txt", "raw words"), {"clean": "runs", "a": "may run", "b": "may run", "gather": "may run"}),
        (lambda folder: shutil.rmtree(folder / "data/clean"), {"clean": "kept"}),
        (lambda folder: (folder / "out/a/text").unlink(), {"a": "kept"}),
        (lambda folder: shutil.rmtree(folder / ".dvc/cache"), dict.fromkeys(EVERY, "runs")),
        (remove_b, {"check": "runs", "gather": "runs"}),
        (freeze, {}),
    ],
)
def test_what_is_forecast_is_what_dvc_does(
    change: Callable[[Path], object], expected: dict[str, str], workspace: Path
) -> None:
    change(workspace)
    before = fates()
    assert before == expected
    ran = repro(workspace)
    assert {name for name, fate in before.items() if fate == "runs"} <= set(ran)
    assert set(ran) <= {name for name, fate in before.items() if fate != "kept"}
    assert fates() == {}


def test_what_was_made_before_is_taken_from_the_cache(workspace: Path) -> None:
    (workspace / "code.py").write_text("d")
    repro(workspace)
    (workspace / "code.py").write_text("c")
    assert fates() == {"a": "kept", "b": "kept", "gather": "kept"}
    assert repro(workspace) == []


def test_a_run_that_was_added_and_removed_leaves_the_same_lock(workspace: Path) -> None:
    lock = (workspace / "dvc.lock").read_bytes()
    remove_b(workspace)
    repro(workspace)
    dag.forget({"check", "clean", "translate@a", "gather"})
    assert b"translate@b" not in (workspace / "dvc.lock").read_bytes()
    (workspace / "params.yaml").write_text(PARAMETERS)
    (workspace / "sweep.sh").write_text(SWEEP)
    assert fates() == {"check": "runs", "b": "kept", "gather": "kept"}
    assert repro(workspace) == ["check"]
    remove_b(workspace)
    assert fates() == {"check": "runs", "gather": "kept"}
    (workspace / "params.yaml").write_text(PARAMETERS)
    entries = (workspace / "dvc.lock").read_bytes().splitlines()
    assert sorted(entries) == sorted(lock.splitlines())


def test_the_amount_of_work_is_another_after_other_parameters_or_text(workspace: Path) -> None:
    def as_large() -> dict[str, bool]:
        return {name: change.is_as_large for name, change in forecast.forecast(dag.stages()).changes.items()}

    (workspace / "code.py").write_text("d")
    assert set(as_large().values()) == {True}
    (workspace / "params.yaml").write_text(PARAMETERS.replace("{bytes: 3}", "{bytes: 2}"))
    larger = as_large()
    assert larger.pop("check") and len(larger) == 4 and set(larger.values()) == {False}


def test_a_pipeline_at_work_is_left_alone(workspace: Path) -> None:
    code = "import sys; from dvc.repo import Repo\nwith Repo().lock: print('locked', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"locked\n"
        with pytest.raises(UserError, match=r"dvc\.lock: found another DVC process at work; expected none"):
            forecast.forecast(dag.stages())
    finally:
        holder.communicate()


def test_a_link_to_no_file_is_told_with_its_cure(workspace: Path) -> None:
    (workspace / "data/checked.txt").unlink()
    (workspace / "data/checked.txt").symlink_to("/no/cache")
    with pytest.raises(UserError, match=r"^data/checked\.txt: found a link to no file; .*pipeline doctor"):
        forecast.forecast(dag.stages())


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, set()),
        ({"targets": {"clean"}}, set()),
        ({"targets": {"clean"}, "forcetargets": True}, {"clean"}),
        ({"targets": {"clean"}, "forcerun": {"train_a_1", "reports/bleu.json"}}, {"train@a-1", "bleu"}),
        ({"targets": {"all"}, "forceall": True}, {"clean", "train@a-1", "train@a-2", "bleu"}),
    ],
)
def test_options_of_snakemake_force_stages(options: dict[str, Any], names: set[str]) -> None:
    defaults = {"targets": set(), "forcerun": set(), "forcetargets": False, "forceall": False}
    assert forecast.forced(SimpleNamespace(**defaults | options), test_dag.EVERY) == names


def test_stages_behind_are_found() -> None:
    assert forecast.behind({"train@a-1"}, test_dag.EVERY) == {"train@a-1", "bleu"}
    assert forecast.behind(set(), test_dag.EVERY) == set()


@pytest.mark.parametrize(
    ("due", "outs"),
    [
        ({"clean", "train@a-1", "train@a-2", "bleu"}, []),
        ({"clean", "train@a-1", "bleu"}, ["data/clean", "reports/cleaning.json"]),  # by way of train@a-2
        ({"train@a-1", "bleu"}, []),
    ],
)
def test_a_stage_waits_for_what_is_due_beyond_stages_that_are_up_to_date(due: set[str], outs: list[str]) -> None:
    assert forecast.outputs_of_due(test_dag.EVERY[3], due, test_dag.EVERY) == outs
