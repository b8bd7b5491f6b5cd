"""Checks downloaded texts: counts lines, verifies checksums, and converts SGM to one sentence a line."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from pipeline.archives import blocks, limit
from pipeline.lines import DAMAGED, lines, open_bytes
from s2s.errors import UserError, check
from s2s.files import naming


def count_lines(path: Path, pulse: Callable[[], None] = lambda: None) -> int:
    """Count the lines of a text, plain or gzip, with a last line that has no line end.

    Args:
        path: the text.
        pulse: is called every megabyte, and may raise to stop the work.

    Raises:
        UserError: the gzip is damaged, or its compression ratio is too high for text.
    """
    count, given, last, most = 0, 0, b"\n", limit(path)
    try:
        with open_bytes(path) as file:
            for block in blocks(file, pulse):
                count, given, last = count + block.count(b"\n"), given + len(block), block[-1:]
                check(given <= most, f"{path}: found more than {most:,} bytes of text; expected less from its size")
    except DAMAGED as error:
        raise UserError(f"{path}: damaged gzip ({error}); expected a whole file") from None
    return count + (last != b"\n")


def check_sum(path: Path, checksum: str) -> None:
    """Raise a UserError if a file has another checksum than `<algorithm>:<hexadecimal digest>`."""
    algorithm, _, wanted = checksum.partition(":")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    check(digest == wanted, f"{path}: found {algorithm} {digest}; expected {wanted}")


def from_sgm(path: Path, out: Path) -> None:
    """Write the segments of WMT's SGM as plain text, one a line, as sacreBLEU does.

    SGM is not XML and is read by line. White space of any kind becomes single spaces. Entities such as &amp; stay as
    they are, as in every BLEU that was published on these sets with sacreBLEU.
    """
    segments = [segment(line, path) for line in lines(path) if line.startswith("<seg ")]
    check(segments, f"{path}: found no line that starts with <seg; expected WMT's SGM")
    with naming(out):
        out.write_bytes("".join(f"{sentence}\n" for sentence in segments).encode())


def segment(line: str, path: Path) -> str:
    """Return the text of a line `<seg id="1">...</seg>`."""
    text, matches = re.subn(r"<seg.*?>(.*)</seg>", r"\1", line)
    check(matches, f"{path}: found {line!r}; expected a segment to end on its line")
    return " ".join(text.split())
