"""What a fetched text must be: of the right bytes, counted, and a sentence a line once its format is taken off."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from pipeline.archives import blocks, limit
from pipeline.lines import DAMAGED, lines, open_bytes
from s2s.errors import UserError, check
from s2s.files import naming


def count_lines(path: Path, pulse: Callable[[], None] = lambda: None) -> int:
    """The lines of a text, plain or gzip, a last one without line end among them.

    Args:
        path: the text.
        pulse: is called every megabyte; what it raises ends the work.

    Raises:
        UserError: the gzip is damaged, or holds so much more than its size that it is no text.
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
    """Refuses a file that is not the one whose checksum is known."""
    algorithm, _, wanted = checksum.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    check(found == wanted, f"{path}: found {algorithm} {found}; expected {wanted}")


def from_sgm(path: Path, out: Path) -> None:
    """Writes the segments of WMT's SGM, one a line, as sacreBLEU does.

    SGM is no XML and is read by line. White space of any kind becomes single spaces; entities such as &amp; stay as
    they are, as in every BLEU that was published on these sets with sacreBLEU.
    """
    segments = [segment(line, path) for line in lines(path) if line.startswith("<seg ")]
    check(segments, f"{path}: found no line that starts with <seg; expected WMT's SGM")
    with naming(out):
        out.write_bytes("".join(f"{one}\n" for one in segments).encode())


def segment(line: str, path: Path) -> str:
    """What a line `<seg id="1">...</seg>` holds."""
    text, found = re.subn(r"<seg.*?>(.*)</seg>", r"\1", line)
    check(found, f"{path}: found {line!r}; expected a segment to end on its line")
    return " ".join(text.split())
