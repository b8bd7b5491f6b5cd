"""Digests of a stage's inputs and outputs, from dvc.lock and from files."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.tracking import lineage
from tests.pipeline.test_dag import stage

ROOT = Path(__file__).parents[3]
MAKER = stage("clean", "raw.txt", "data/clean")
TRAIN = [stage("train@1", "data/clean", "models/1"), stage("train@2", "data/clean", "models/2")]
USER = stage("bleu", "models data/clean/test.txt code.py folder absent.txt", "reports/bleu.json")
EVERY = [MAKER, *TRAIN, USER]

LOCK = """
schema: '2.0'
stages:
  clean:
    cmd: x
    outs:
    - {path: data/clean, hash: md5, md5: aaa.dir, size: 3, nfiles: 1}
  train@1:
    cmd: x
    outs:
    - {path: models/1, hash: md5, md5: bbb.dir, size: 3, nfiles: 1}
  train@gone:
    cmd: x
    outs:
    - {path: models/gone, hash: md5, md5: ddd.dir, size: 3, nfiles: 1}
"""
SECOND = "  train@2:\n    cmd: x\n    outs:\n    - {path: models/2, hash: md5, md5: ccc.dir, size: 3, nfiles: 1}\n"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("code.py", "data/clean/test.txt", "folder/a.txt", "folder/__pycache__/b.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "dvc.lock").write_text(LOCK + SECOND)
    return tmp_path


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def test_outputs_of_others_are_looked_up_and_files_hashed(workspace: Path) -> None:
    assert lineage.digests(USER, EVERY) == {
        "code.py": md5("code.py"),
        "data/clean/test.txt": md5("data/clean/test.txt"),
        "folder": md5(f"a.txt {md5('folder/a.txt')}\n"),
        "models/1": "bbb.dir",
        "models/2": "ccc.dir",
    }


def test_a_lock_file_still_being_written_is_waited_for(workspace: Path) -> None:
    (workspace / "dvc.lock").write_text(LOCK)
    assert "models/2" not in lineage.digests(USER, EVERY, patience_seconds=0.0)


def test_without_a_lock_file_only_plain_files_are_known(workspace: Path) -> None:
    (workspace / "dvc.lock").unlink()
    assert set(lineage.digests(USER, EVERY, patience_seconds=0.0)) == {"code.py", "data/clean/test.txt", "folder"}


def test_the_key_changes_with_command_parameters_and_inputs() -> None:
    digests = {"a": "1"}
    changed = [
        lineage.key(USER, digests),
        lineage.key(replace(USER, cmd="other"), digests),
        lineage.key(replace(USER, params={"beam": 3}), digests),
        lineage.key(USER, {"a": "2"}),
    ]
    assert len(set(changed)) == 4
    assert lineage.key(replace(USER, outs=("elsewhere",)), digests) == changed[0]


def test_the_content_of_outputs_is_named_as_dvc_names_it(workspace: Path) -> None:
    files = ["code.py", "data/clean/test.txt", "data/clean/B.txt", "data/clean/a/z.txt", "data/clean/é.txt"]
    for name in (*files, "data/clean/__pycache__/x.pyc", "data/clean/.snakemake_timestamp"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    shutil.copy(ROOT / ".dvcignore", workspace)
    (workspace / "dvc.lock").unlink()
    (workspace / "dvc.yaml").write_text("stages: {make: {cmd: echo, outs: [code.py, data/clean]}}\n")
    (workspace / ".dvc").mkdir()
    (workspace / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    subprocess.run([sys.executable, "-m", "dvc", "commit", "--force"], check=True, capture_output=True)
    assert {path: lineage.content(Path(path)) for path in ("code.py", "data/clean")} == lineage.locked()


def test_outputs_that_are_absent_or_take_long_to_hash_have_no_content(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lineage.content(Path("absent")) is None
    monkeypatch.setattr(lineage, "MOST_BYTES", 3)
    assert lineage.content(Path("code.py")) is None and lineage.content(Path("data/clean")) is None
