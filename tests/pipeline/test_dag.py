"""Reading the graph of stages from dvc.yaml, and each stage's memory and GPUs."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline import dag
from s2s.errors import UserError


def stage(name: str, deps: str = "", outs: str = "", **meta: Any) -> dag.Stage:
    return dag.Stage(name=name, cmd="", deps=tuple(deps.split()), outs=tuple(outs.split()), params={}, meta=meta)


EVERY = [
    stage("clean", "code.py", "data/clean reports/cleaning.json"),
    stage("train@a-1", "data/clean", "models/a/1 curves/a-1.csv"),
    stage("train@a-2", "data/clean", "models/a/2 curves/a-2.csv"),
    stage("bleu", "models data/clean/test.parquet", "reports/bleu.json"),
]


@pytest.mark.parametrize(
    ("dep", "outputs"),
    [
        ("data/clean", ["data/clean"]),
        ("models", ["models/a/1", "models/a/2"]),
        ("models/a", ["models/a/1", "models/a/2"]),
        ("models/a/2", ["models/a/2"]),
        ("data/clean/test.parquet", ["data/clean"]),
        ("code.py", ["code.py"]),
        ("model", ["model"]),  # not the folder `models`
    ],
)
def test_a_dependency_stands_for_declared_outputs(dep: str, outputs: list[str]) -> None:
    assert dag.providers(dep, EVERY) == outputs


def test_inputs_are_told_once() -> None:
    assert dag.inputs(stage("x", "models models/a/1 code.py"), EVERY) == ["models/a/1", "models/a/2", "code.py"]


def test_ancestors_are_all_that_a_stage_rests_on() -> None:
    assert [ancestor.name for ancestor in dag.ancestors(EVERY[3], EVERY)] == ["clean", "train@a-1", "train@a-2"]
    assert dag.ancestors(EVERY[0], EVERY) == []


def test_rules_are_words_and_never_the_same() -> None:
    names = dag.rules([stage("train@a-1"), stage("train@a_1"), stage("clean")])
    assert names == {"train@a-1": "train_a_1", "train@a_1": "train_a_1_", "clean": "clean"}


@pytest.mark.parametrize(("out", "folder"), [("data/clean", True), ("models/a/1", True), ("reports/bleu.json", False)])
def test_outputs_without_suffix_are_folders(out: str, folder: bool) -> None:
    assert dag.is_folder(out) == folder


@pytest.mark.parametrize(
    ("meta", "needs"),
    [
        ({}, {"mem_mb": 1000}),
        ({"threads": 4, "memory_mb": 3000}, {"mem_mb": 3000}),
        ({"gpus": 2, "device": "auto"}, {"mem_mb": 1000, "gpu": 2}),
        ({"gpus": 2}, {"mem_mb": 1000, "gpu": 2}),
        ({"gpus": 2, "device": "cpu"}, {"mem_mb": 1000}),  # or a cluster without GPUs would never start the stage
        ({"gpus": 0, "device": "cuda"}, {"mem_mb": 1000}),
    ],
)
def test_a_stage_asks_for_memory_and_for_the_gpus_that_it_will_use(meta: Any, needs: dict[str, int]) -> None:
    assert dag.resources(stage("x", **meta)) == needs


def test_reads_dvc_yaml_with_foreach_expanded(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    (tmp_path / "params.yaml").write_text("runs:\n  a: {beam: 1}\n  b: {beam: 12}\nthreads: 3\n")
    (tmp_path / "dvc.yaml").write_text("""
stages:
  translate:
    foreach: ${runs}
    do:
      cmd: run --beam ${item.beam} --out out/${key}.txt
      deps:
        - in.txt
      params:
        - runs.${key}
      outs:
        - out/${key}.txt
        - out/${key}.html:
            cache: false
      meta:
        threads: ${threads}
""")
    first, second = dag.stages(tmp_path)
    assert first == dag.Stage(
        name="translate@a",
        cmd="run --beam 1 --out out/a.txt",
        deps=("in.txt",),
        outs=("out/a.txt", "out/a.html"),
        params={"runs.a": {"beam": 1}},
        meta={"threads": 3},
    )
    assert (second.name, second.outs) == ("translate@b", ("out/b.txt", "out/b.html"))


SMALL = "stages:\n  one:\n    cmd: run\n    outs:\n      - out.txt\n"
LOCK = "schema: '2.0'\nstages:\n  one:\n    cmd: run\n"


def test_waits_while_dvc_writes_what_it_recorded(tmp_path: Path) -> None:
    from dvc.repo import Repo

    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    (tmp_path / "dvc.yaml").write_text(SMALL)
    (tmp_path / "dvc.lock").write_text(LOCK[: LOCK.index("one")] + "one: {")  # another stage is still writing
    names: list[str] = []
    reader = threading.Thread(target=lambda: names.extend(declared.name for declared in dag.stages(tmp_path)))
    with Repo(str(tmp_path)) as repo, repo.lock:
        reader.start()
        time.sleep(2)
        assert names == [] and reader.is_alive()
        (tmp_path / "dvc.lock").write_text(LOCK)
    reader.join(timeout=30)
    assert names == ["one"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("dvc.lock", f"<<<<<<< ours\n{LOCK}=======\n{LOCK}>>>>>>> theirs\n", r"dvc\.lock: found .*pipeline doctor"),
        ("dvc.lock", "", r"dvc\.lock: found .*pipeline doctor"),
        (".dvc/config", "[core]\n", r"\.git: found .* is not a git repository; expected a clone, or .*no_scm true"),
        (".dvc/config", "[core\n", r"DVC: found config file error"),
        ("dvc.yaml", "stages: []\n", r"DVC: found .*dvc\.yaml' validation failed"),
    ],
)
def test_files_that_dvc_cannot_read_are_told_in_one_line(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    files = {".dvc/config": "[core]\n    no_scm = true\n", "dvc.yaml": SMALL, "dvc.lock": LOCK, name: content}
    for path, text in files.items():
        (tmp_path / path).write_text(text)
    with pytest.raises(UserError, match=message):
        dag.stages(tmp_path)
