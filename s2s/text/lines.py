"""Read parallel text files by line: plain or gzip, strictly UTF-8, split at the byte 0x0A alone."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from itertools import islice, zip_longest
from pathlib import Path
from typing import BinaryIO, cast

from s2s.errors import UserError, check

GZIP = b"\x1f\x8b"
BUFFER_BYTES = 1 << 20
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


def is_gzip(path: Path) -> bool:
    """Return whether a file starts with the magic bytes of gzip, whatever its name."""
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading, decompressed if it is gzip."""
    check(path.is_file(), f"{path}: no such file; expected text, one sentence a line")
    # gzip's own reader makes a Python call for each line.
    return BufferedReader(cast(RawIOBase, gzip.open(path)), BUFFER_BYTES) if is_gzip(path) else path.open("rb")


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file without their line ends.

    Raises:
        UserError: the file is absent, not UTF-8 or damaged.
    """
    with open_bytes(path) as file:
        number = 0
        try:
            for line in file:
                number += 1
                yield line.removesuffix(b"\n").decode("utf-8")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise UserError(f"{path} line {number}: found byte 0x{byte:02x}; expected UTF-8 text") from None
        except DAMAGED as error:
            raise UserError(f"{path}: damaged gzip ({error}); expected a whole file") from None


def pairs(source: Path, target: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines of two files as pairs.

    Raises:
        UserError: a file is empty, or has more lines than the other.
    """
    counts = [0, 0]
    for pair in zip_longest(lines(source), lines(target)):
        for side, line in enumerate(pair):
            counts[side] += line is not None
        if counts[0] == counts[1]:
            yield pair
    for path, count in zip((source, target), counts, strict=True):
        check(count, f"{path}: found no line; expected text, one sentence a line")
    check(
        counts[0] == counts[1],
        f"{source} has {counts[0]} lines and {target} has {counts[1]}; expected as many of each",
    )


@dataclass(frozen=True)
class Block:
    """Bytes of as many lines of two parallel texts, to be sent to a worker."""

    first: int
    """The number of the first line, counted from 1."""
    source: bytes
    target: bytes


def blocks(source: Path, target: Path, size: int) -> Iterator[Block]:
    """Yield two texts in blocks of `size` lines, of which the last may be shorter.

    Raises:
        UserError: a file is absent or damaged, or one has more lines than the other.
    """
    with open_bytes(source) as left, open_bytes(target) as right:
        first = 1
        while True:
            parts = [read_block(file, path, size, first) for file, path in ((left, source), (right, target))]
            counts = [part.count(b"\n") for part in parts]
            if not any(counts):
                return
            check(
                counts[0] == counts[1],
                f"{source} and {target}: found {counts[0]} and {counts[1]} lines from line {first} on; "
                "expected as many of each",
            )
            yield Block(first, *parts)
            first += counts[0]


def read_block(file: BinaryIO, path: Path, size: int, first: int) -> bytes:
    """Read the next `size` lines of a file; a last line without line end gets one."""
    try:
        part = b"".join(islice(file, size))
    except DAMAGED as error:
        raise UserError(f"{path}: damaged gzip ({error}); expected a whole file") from None
    return part if part.endswith(b"\n") or not part else part + b"\n"
