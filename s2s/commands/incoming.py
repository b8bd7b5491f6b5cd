"""Read lines of text from files or stdin in blocks, without waiting for a full block."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from s2s.errors import UserError, check

STDIN = Path("-")
CHUNK = 1 << 16  # bytes read at a time: what a pipe holds
PATIENCE_SECONDS = 0.05  # without input, then the lines read so far are a block; a writing program pauses for less
BLOCK_BYTES = 1 << 22  # after which a block is full, whatever its number of lines
LONGEST = 1 << 24  # bytes of a line


def check_files(paths: list[Path]) -> None:
    """Raise a UserError if a path cannot be read."""
    for path in paths:
        if path == STDIN:
            check(sys.stdin is not None, "stdin: closed; expected lines of text")
        else:
            check(path.exists(), f"{path}: no such file; expected lines of text")
            check(not path.is_dir(), f"{path}: found a folder; expected a file of lines of text")


def name(path: Path) -> str:
    """Return the name of a file for messages."""
    return "stdin" if path == STDIN else str(path)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open a file or stdin and yield its file descriptor."""
    if path == STDIN:
        yield sys.stdin.fileno()
    else:
        with path.open("rb", buffering=0) as file:
            yield file.fileno()


def read(path: Path) -> list[str]:
    """Return all lines of a file, without line ends.

    Raises:
        UserError: a line is not UTF-8; names the line.
    """
    return [line for block in blocks(path, sys.maxsize) for line in block]


def blocks(path: Path, most: int, prompt: str = "") -> Iterator[list[str]]:
    """Yield blocks of the lines that have arrived.

    Args:
        path: a file, or `STDIN`.
        most: the most lines of a block; the last block may be empty.
        prompt: printed to stderr before waiting for input from a terminal.

    Raises:
        UserError: a line is not UTF-8; the lines before it are yielded first.
    """
    block: list[str] = []
    number = held = 0
    with opened(path) as descriptor:
        prompt = prompt if os.isatty(descriptor) else ""
        try:
            for line in arriving(descriptor, name(path)):
                if block and (line is None or len(block) == most or held > BLOCK_BYTES):
                    yield block
                    block, held = [], 0
                if line is None:
                    print(prompt, end="", file=sys.stderr, flush=True)
                else:
                    number, held = number + 1, held + len(line)
                    block.append(decoded(line, f"{name(path)} line {number}"))
        except UserError:
            yield block
            raise
    if prompt:
        print(file=sys.stderr)  # ends the prompt's line
    yield block


def arriving(descriptor: int, place: str) -> Iterator[bytes | None]:
    """Yield the lines of a file, without line ends, and None whenever no input is waiting."""
    begun, number = bytearray(), 1
    while True:
        if not select.select([descriptor], [], [], PATIENCE_SECONDS)[0]:
            yield None
        chunk = os.read(descriptor, CHUNK)
        if not chunk:
            break
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield bytes(begun + end)
            begun.clear()
        begun += rest
        number += len(ends)
        check(
            len(begun) < LONGEST, f"{place} line {number}: found no end in {LONGEST >> 20} MB; expected lines of text"
        )
    if begun:
        yield bytes(begun)


def decoded(line: bytes, place: str) -> str:
    """Decode a line.

    Raises:
        UserError: the line is not UTF-8 text.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{place}: found byte {line[error.start]:#04x} at {error.start}; expected UTF-8 text") from None
    check("\0" not in text, f"{place}: found byte 0x00 at {line.find(0)}; expected UTF-8 text")
    return text
