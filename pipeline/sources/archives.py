"""Extract chosen members of tar, tar.gz and zip archives, and aligned sentences of the texts in them."""

import gzip
import hashlib
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from s2s.errors import UserError, check, reading
from s2s.files import naming
from s2s.text.lines import DAMAGED, lines, open_bytes


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


GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # of archives with and without members
BLOCK = 1 << 20
# gzip compresses text to a third or a fifth, and zeros to a thousandth: a higher ratio is an attack on the disk.
MOST_UNPACKED_PER_BYTE = 100
ALWAYS_ALLOWED = 64 << 20  # bytes; small archives are mostly the zeros between members
READ_WHOLE = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
MOST_HEADER = 16_384  # bytes of a tar header that tarfile reads whole; a path has at most 4,096
DAMAGE = (zlib.error, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, struct.error, RuntimeError)
"""Errors of damaged archives beside those of all files; headers without end exceed Python's depth of recursion."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def extract(archive: Path, wanted: Mapping[str, Path], pulse: Callable[[], None] = lambda: None) -> None:
    """Write members of an archive to given paths, unchanged: a member that is gzip stays gzip.

    No name in the archive decides where a file is written. Other members are skipped, whatever they are; of two
    members of one name, the first counts.

    Args:
        archive: the archive.
        wanted: the path for each member, by its name.
        pulse: is called about every megabyte, and may raise to stop the work.

    Raises:
        UserError: the archive is damaged or truncated, lacks a member, or holds more than `limit`; or a member leads
            out of the archive, or is not a file.
    """
    for name in wanted:
        inside = not name.startswith("/") and ".." not in PurePosixPath(name).parts
        check(inside, f"{archive}: found member {name}, which leads out of the archive; expected a name within it")
    with reading(archive, "a whole tar, tar.gz or zip", *DAMAGE), archive.open("rb") as file:
        read = from_zip if file.read(4) in ZIP else from_tar
        file.seek(0)
        try:
            names = read(file, wanted, limit(archive), pulse)
        except RefusedError as refused:
            raise UserError(f"{archive}: {refused}") from None
    missing = ", ".join(sorted(wanted.keys() - names))
    check(not missing, f"{archive}: found no member {missing}; expected it in the archive")


class RefusedError(Exception):
    """An archive is readable and not acceptable; the message says what was found and expected."""


def limit(archive: Path) -> int:
    """Return the largest number of bytes that may be extracted from an archive."""
    return max(ALWAYS_ALLOWED, MOST_UNPACKED_PER_BYTE * archive.stat().st_size)


def from_tar(file: BinaryIO, wanted: Mapping[str, Path], most: int, pulse: Callable[[], None]) -> set[str]:
    """Extract members of a tar or tar.gz archive, read once and no further than needed; return their names."""
    is_gzip = file.read(len(GZIP)) == GZIP
    file.seek(0)
    stream = Bounded(cast(BinaryIO, gzip.GzipFile(fileobj=file)) if is_gzip else file, most, pulse)
    sizes: dict[str, int] = {}
    # As a stream, of which tarfile asks for `read` alone: each byte is read once.
    with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|", bufsize=BLOCK, tarinfo=Header) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if name in wanted and name not in sizes:
                content = None if tar_kind(member) else tar.extractfile(member)
                if content is None:
                    raise RefusedError(f"found member {name}, which is a {tar_kind(member)}; expected a file")
                check_size(name, member.size, sizes, most)
                write(blocks(content, pulse), wanted[name])
                if len(sizes) == len(wanted):
                    break  # the rest is other languages
    return set(sizes)


def from_zip(file: BinaryIO, wanted: Mapping[str, Path], most: int, pulse: Callable[[], None]) -> set[str]:
    """Extract members of a zip archive and return their names."""
    sizes: dict[str, int] = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename.removeprefix("./")
            if name in wanted and name not in sizes:
                if kind := zip_kind(member):
                    raise RefusedError(f"found member {name}, which is {kind}; expected a file")
                check_size(name, member.file_size, sizes, most)
                with archive.open(member) as content:  # gives no more bytes than declared, and checks their CRC
                    write(blocks(content, pulse), wanted[name])
    return set(sizes)


def check_size(name: str, size: int, sizes: dict[str, int], most: int) -> None:
    """Add the declared size of a member to `sizes`.

    Raises:
        RefusedError: the sizes sum to more than `most` bytes.
    """
    sizes[name] = size
    if (total := sum(sizes.values())) > most:
        raise RefusedError(
            f"found {total:,} bytes with member {name}; expected at most {most:,} from an archive of its size"
        )


def blocks(content: IO[bytes], pulse: Callable[[], None]) -> Iterator[bytes]:
    """Yield the content of a file in blocks of a megabyte."""
    while block := content.read(BLOCK):
        pulse()
        yield block


def write(blocks: Iterator[bytes], out: Path) -> None:
    """Write blocks of bytes to a file."""
    with naming(out), out.open("wb") as copy:
        for block in blocks:
            copy.write(block)


class Header(tarfile.TarInfo):
    """A header of a tar archive, refused if it is so long that it could fill the memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        """Read the content of a header; tarfile's documented entry point for subclasses."""
        if self.type in READ_WHOLE and self.size > MOST_HEADER:
            raise RefusedError(f"found a header of {self.size:,} bytes; expected at most {MOST_HEADER:,}")
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]


def tar_kind(member: tarfile.TarInfo) -> str:
    """Return the kind of a member that is not a readable file, or \"\" if it is one."""
    if member.issym() or member.islnk():
        return f"link to {member.linkname}"
    if member.isdir():
        return "folder"
    if not member.isreg():
        return "device"
    if member.issparse():
        return "file with holes"
    return "file of negative size" if member.size < 0 else ""


def zip_kind(member: zipfile.ZipInfo) -> str:
    """Return the kind of a member that is not a readable file, or \"\" if it is one."""
    if member.is_dir():
        return "a folder"
    if stat.S_ISLNK(member.external_attr >> 16):  # where Unix keeps the mode
        return "a link"
    if member.flag_bits & 1:
        return "encrypted"
    return "" if member.compress_type in METHODS else f"compressed by method {member.compress_type}"


class Bounded:
    """A stream that raises RefusedError after `most` bytes."""

    def __init__(self, stream: BinaryIO, most: int, pulse: Callable[[], None]) -> None:
        self.stream, self.most, self.pulse, self.given = stream, most, pulse, 0

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes."""
        self.pulse()
        block = self.stream.read(size)
        self.given += len(block)
        if self.given > self.most:
            raise RefusedError(
                f"found more than {self.most:,} bytes; expected at most as many from an archive of its size"
            )
        return block
