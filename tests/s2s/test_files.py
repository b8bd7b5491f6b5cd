"""Files are whole or absent, on disk before they count, and damage of kept ones is noticed."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from s2s import files


def test_bytes_are_on_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    replace = Path.replace

    def rename(path: Path, to: Path) -> Path:
        events.append("renamed")
        return replace(path, to)

    monkeypatch.setattr(os, "fsync", lambda handle: events.append(Path(f"/proc/self/fd/{handle}").readlink().suffix))
    monkeypatch.setattr(Path, "replace", rename)
    with files.whole(tmp_path / "folder.part") as folder:
        folder.mkdir()
        (folder / "made.txt").write_text("text")
    assert events == [".part", ".txt", "renamed", tmp_path.suffix]


def test_what_killed_processes_left_is_removed_and_what_others_write_is_not(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name in (f".made.{ended.pid}.01.part", ".made.0123.part", f".made.{os.getpid()}.01.part", ".made", ".m.1.part"):
        (tmp_path / name).mkdir()
    files.write_text(tmp_path / "made", "text")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"made", ".made", ".m.1.part", f".made.{os.getpid()}.01.part"}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def exchange(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda path: os.truncate(path, 7), "found other bytes than were written"),
    "empty": (lambda path: os.truncate(path, 0), "found other bytes than were written"),
    "flipped": (flip, "found other bytes than were written"),
    "foreign": (lambda path: path.write_text("something else"), "found other bytes than were written"),
    "without a digest": (lambda path: files.digest_of(path).unlink(), r"found no block.npy.sha256 beside it"),
    "of an empty digest": (lambda path: os.truncate(files.digest_of(path), 0), "found other bytes than were written"),
    "of a folder as digest": (lambda path: exchange(files.digest_of(path)), r"found no block.npy.sha256 beside it"),
    "a folder": (exchange, "found no file"),
    "a dangling link": (dangle, "found no file"),
    "a pipe": (pipe, "found no file"),
}


@pytest.mark.parametrize(("damage", "found"), DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_file_is_removed_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], object], found: str
) -> None:
    path = tmp_path / "block.npy"
    with files.kept(path) as partial:
        partial.write_text("a block of numbers")
    assert files.intact(path)
    damage(path)
    assert files.damage(path) == found
    assert not files.intact(path)
    assert capsys.readouterr().err == f"{path}: {found}; expected a whole file, removes it\n"
    assert not list(tmp_path.iterdir())
    assert not files.intact(path)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_digests_are_those_of_sha256sum(tmp_path: Path) -> None:
    with files.kept(tmp_path / "block.npy") as partial:
        partial.write_text("a block of numbers")
    subprocess.run(["sha256sum", "--check", "--quiet", "block.npy.sha256"], cwd=tmp_path, check=True)
