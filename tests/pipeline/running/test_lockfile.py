"""The copy of dvc.lock that stages keep: always whole, and of the user's repository."""

import sys
from pathlib import Path

import pytest

from pipeline.running import lockfile, program

ITEM = "    - path: in.txt\n      hash: md5\n      md5: 401b30e3b8b5d629635a5c613cdb7919\n      size: 2\n"
WHOLE = f"schema: '2.0'\nstages:\n  one:\n    cmd: run\n    deps:\n{ITEM}    outs:\n{ITEM}".encode()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a record the current one."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("dvc.lock").write_bytes(WHOLE)
    return folder


def test_a_stage_keeps_a_copy_at_its_start(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(sys, "argv", ["stage"])
    with pytest.raises(SystemExit) as ended:
        program.program(lambda: kept.append(Path("work/dvc.lock").read_bytes()))
    assert (ended.value.code, kept) == (0, [WHOLE])


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xff\n",
        b"- a\n",
        WHOLE[:-1],
        WHOLE[:-9],
        WHOLE + b"}\n",
        WHOLE.replace(b"'2.0'", b"'3.0'"),
        WHOLE.replace(b"cmd", b"cme"),
        WHOLE.replace(b"size: 2", b"size: two"),
        WHOLE.replace(b"hash: md5", b"hash: ed5"),
        WHOLE.replace(b"  one:", b"  one: 1\n  two:"),
        WHOLE + WHOLE[WHOLE.index(b"  one:") :],
        b"<<<<<<< HEAD\n" + WHOLE,
    ],
)
def test_a_part_is_never_kept(damaged: bytes, repository: Path) -> None:
    lockfile.keep()
    Path("dvc.lock").write_bytes(damaged)
    lockfile.keep()
    assert Path("work/dvc.lock").read_bytes() == WHOLE


@pytest.mark.parametrize("content", [WHOLE, b"schema: '2.0'\n", WHOLE.replace(b"hash: md5\n      ", b"")])
def test_what_dvc_reads_is_kept(content: bytes, repository: Path) -> None:
    Path("dvc.lock").write_bytes(content)
    lockfile.keep()
    assert Path("work/dvc.lock").read_bytes() == content


def test_a_temporary_copy_of_the_repository_leaves_the_kept_record(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(repository.parent))
    lockfile.keep()
    assert not (repository.parent / "work").exists() and not Path("work").exists()


def test_no_stage_fails_for_want_of_a_copy(repository: Path) -> None:
    Path("work").write_text("a file in the folder's place")
    lockfile.keep()
    assert Path("dvc.lock").read_bytes() == WHOLE
