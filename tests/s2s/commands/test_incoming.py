"""Blocks of lines: full blocks from files, early blocks from slow writers, and errors for input that is not text."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from s2s.commands import incoming
from s2s.errors import UserError


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Return a named pipe and a descriptor to write to it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)  # O_RDWR does not wait for a reader
    yield path, descriptor
    os.close(descriptor)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"\n", [""]),
        ("caf\u00e9\u2028x\x85y\r\n".encode(), ["caf\u00e9\u2028x\x85y\r"]),  # only \n ends a line
    ],
)
def test_lines_are_what_stands_between_line_ends(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    assert incoming.read(write(tmp_path / "text", content)) == lines


def test_a_file_comes_in_full_blocks(tmp_path: Path) -> None:
    lines = [f"{number} {'x' * (number % 200)}" for number in range(5000)]  # several chunks
    path = write(tmp_path / "text", "\n".join(lines).encode())
    blocks = list(incoming.blocks(path, 1024))
    assert [len(block) for block in blocks] == [1024] * 4 + [5000 - 4 * 1024]
    assert [line for block in blocks for line in block] == lines


def test_long_lines_fill_a_block_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "BLOCK_BYTES", 100)
    path = write(tmp_path / "text", b"x" * 60 + b"\n" + b"y" * 60 + b"\nz\n")
    assert [len(block) for block in incoming.blocks(path, 1024)] == [2, 1]


def test_a_slow_writer_is_answered_line_by_line(pipe: tuple[Path, int]) -> None:
    path, descriptor = pipe
    blocks = incoming.blocks(path, 1024)
    for text in (b"first\n", b"second\nthird\n"):
        os.write(descriptor, text)
        assert next(blocks) == text.decode().split("\n")[:-1]


def test_half_a_line_is_waited_for(pipe: tuple[Path, int]) -> None:
    path, descriptor = pipe
    os.write(descriptor, b"first\nsec")
    blocks = incoming.blocks(path, 1024)
    assert next(blocks) == ["first"]

    def go_on() -> None:
        time.sleep(3 * incoming.PATIENCE_SECONDS)
        os.write(descriptor, b"ond\n")

    writer = threading.Thread(target=go_on)
    writer.start()
    assert next(blocks) == ["second"]
    writer.join()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\nb\xffd\n", "text line 2: found byte 0xff at 1; expected UTF-8 text"),
        (b"good\nb\0d\n", "text line 2: found byte 0x00 at 1; expected UTF-8 text"),
        (b"good\n" + b"x" * 3000, "text line 2: found no end in 0 MB; expected lines of text"),
    ],
)
def test_what_is_no_text_is_refused_after_the_lines_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(incoming, "LONGEST", 2000)
    blocks = incoming.blocks(write(tmp_path / "text", content), 1024)
    assert next(blocks) == ["good"]
    with pytest.raises(UserError, match=message):
        next(blocks)


def test_paths_without_lines_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    incoming.check_files([write(tmp_path / "text", b""), incoming.STDIN])
    with pytest.raises(UserError, match="none: no such file; expected lines of text"):
        incoming.check_files([tmp_path / "none"])
    with pytest.raises(UserError, match="found a folder; expected a file of lines of text"):
        incoming.check_files([tmp_path])
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UserError, match="stdin: closed; expected lines of text"):
        incoming.check_files([incoming.STDIN])
