"""Stages that are killed or run out of disk space leave no partial output, and give the same bytes when run again."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.schemas.data import records
from pipeline.schemas.data.raw import MANIFEST, Manifest, RawCorpus
from tests.support import project

pytestmark = pytest.mark.process

PAIRS = 120_000  # three files of training text
CLEAN = ["clean", "--raw=raw", "--out=clean", "--report=cleaning.json", "--table=cleaning.csv"]
VOCAB = ["vocab", "--vocabulary=base", "--clean=clean", "--out=vocab", "--report=vocab.json"]
ENCODE = ["encode", "--clean=clean", "--vocab=vocab", "--out=encoded", "--report=encoding.json"]


def start(stage: list[str], **options: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"pipeline.stages.{stage[0]}", *stage[1:]]
    environment = os.environ | {"PYTHONPATH": str(project.ROOT), "S2S_TRACKING": "off", "S2S_WORKERS": "2"}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        command, env=environment, text=True, stderr=subprocess.PIPE, start_new_session=True, **options
    )


def finish(stage: list[str]) -> None:
    program = start(stage)
    _, errors = program.communicate()
    assert program.returncode == 0, errors


def outputs(folder: Path) -> dict[str, bytes]:
    """Return the declared outputs of stages, without temporary files, which are hidden or in work/."""
    names = ("clean", "vocab", "encoded", "cleaning.json", "cleaning.csv", "vocab.json", "encoding.json")
    paths = [path for name in names for path in (folder / name, *(folder / name).rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def tops(outputs: dict[str, bytes]) -> set[str]:
    """Return the first path components of output names."""
    return {name.split("/")[0] for name in outputs}


def write_raw(folder: Path) -> None:
    """Write raw text with some pairs that are to be dropped."""
    splits = {}
    for split, count in (("train", PAIRS), ("dev", 50), ("test", 50)):
        corpus = RawCorpus("plain", f"{split}.en", f"{split}.fr", count)
        for language, words in (("en", "the number is"), ("fr", "le nombre est")):
            lines = [f"{words} {number % 90_000} , {split}\n" if number % 7 else "\n" for number in range(1, count + 1)]
            lines = [line if line.strip() or split == "train" else f"{words}\n" for line in lines]
            (folder / f"{split}.{language}").write_text("".join(lines))
        splits[split] = [corpus]
    records.write(folder / MANIFEST, Manifest("files", "en", "fr", splits))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project whose data stages have run without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    project.write_parameters(folder, vocab={"min_count": 1})
    (folder / "raw").mkdir()
    write_raw(folder / "raw")
    previous = Path.cwd()
    os.chdir(folder)
    try:
        for stage in (CLEAN, VOCAB, ENCODE):
            finish(stage)
    finally:
        os.chdir(previous)
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with the same inputs in which no stage has run."""
    (tmp_path / "params.yaml").write_bytes((whole / "params.yaml").read_bytes())
    (tmp_path / "raw").symlink_to(whole / "raw")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def give(whole: Path, copy: Path, names: str) -> None:
    """Give a stage the outputs of earlier stages."""
    for name in names.split():
        (copy / name).symlink_to(whole / name)


def kill_once(stage: list[str], begun: Callable[[], object]) -> None:
    """Start a stage, and kill it and its workers as soon as `begun` is true."""
    program = start(stage)
    while not begun():
        assert program.poll() is None, "the stage ended before it could be killed"
        time.sleep(0.001)
    os.killpg(program.pid, signal.SIGKILL)
    program.communicate()


@pytest.mark.parametrize(
    ("stage", "needs", "seen"),
    [
        (CLEAN, "", "work/clean/*/00000.parquet"),
        (CLEAN, "", ".clean.*.part/train/00000.parquet"),
        (VOCAB, "clean", ".vocab.*.part"),
        (ENCODE, "clean vocab", ".encoded.*.part/train.source_ids.npy"),
    ],
)
def test_a_stage_that_was_killed_gives_the_same_bytes_when_it_runs_again(
    stage: list[str], needs: str, seen: str, whole: Path, copy: Path
) -> None:
    give(whole, copy, needs)
    kill_once(stage, lambda: list(copy.glob(seen)))
    assert tops(outputs(copy)) == set(needs.split())
    finish(stage)
    made = outputs(copy)
    assert made == {name: content for name, content in outputs(whole).items() if name in made}
    assert {flag.partition("=")[2] for flag in stage if flag.startswith(("--out", "--report"))} <= tops(made)
    assert not list(copy.glob(".*.part"))
    assert not list(copy.glob("work/clean/*"))


def limit(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(("stage", "needs"), [(CLEAN, ""), (ENCODE, "clean vocab")])
def test_no_room_is_told_in_one_line_and_leaves_nothing(stage: list[str], needs: str, whole: Path, copy: Path) -> None:
    give(whole, copy, needs)
    program = start(stage, preexec_fn=limit(100_000))
    _, errors = program.communicate()
    assert (program.returncode, errors.count("\n")) == (2, 1), errors
    assert re.match(r"(work/clean|encoded)\S*: file too large .*; expected to be able to write there", errors), errors
    assert tops(outputs(copy)) == set(needs.split())
    finish(stage)
    made = outputs(copy)
    assert made == {name: content for name, content in outputs(whole).items() if name in made}
