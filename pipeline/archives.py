"""Takes chosen members out of tar, tar.gz and zip archives, known by content; nothing else leaves the archive."""

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from s2s.errors import UserError, check
from s2s.files import naming

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with and without members
BLOCK = 1 << 20
# gzip packs text to a third or a fifth, and zeros to a thousandth: whoever sends more than this fills disks.
MOST_UNPACKED_PER_BYTE = 100
ALWAYS_ALLOWED = 64 << 20  # bytes; small archives are mostly the zeros between their members
DAMAGE = (
    EOFError,
    zlib.error,
    gzip.BadGzipFile,
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
    lzma.LZMAError,
)


def extract(archive: Path, wanted: Mapping[str, Path], pulse: Callable[[], None] = lambda: None) -> None:
    """Writes members to the places named, each as it is: a member that is gzip stays so.

    The names of members decide nothing about where files are written. Members that are not wanted are passed over,
    whatever they are; of two with one name, a tar archive's first counts.

    Args:
        archive: the archive.
        wanted: the place for each member.
        pulse: is called every megabyte or so; what it raises ends the work.

    Raises:
        UserError: one line that names the archive. It is damaged, cut off, lacks a member or holds more than `limit`;
            or a member leads out of the archive, or is no file.
    """
    for name in wanted:
        inside = not name.startswith("/") and ".." not in PurePosixPath(name).parts
        check(inside, f"{archive}: found member {name}, which leads out of the archive; expected a name within it")
    with archive.open("rb") as file:
        read = from_zip if file.read(4) in ZIP else from_tar
        file.seek(0)
        try:
            found = read(file, wanted, limit(archive), pulse)
        except RefusedError as refused:
            raise UserError(f"{archive}: {refused}") from None
        except DAMAGE as error:
            raise UserError(f"{archive}: damaged or cut off ({error}); expected a whole tar, tar.gz or zip") from None
    missing = ", ".join(sorted(wanted.keys() - found))
    check(not missing, f"{archive}: found no member {missing}; expected it in the archive")


class RefusedError(Exception):
    """What is wrong with an archive that is readable: found, wanted."""


def limit(archive: Path) -> int:
    """How many bytes may come out of an archive."""
    return max(ALWAYS_ALLOWED, MOST_UNPACKED_PER_BYTE * archive.stat().st_size)


def from_tar(file: BinaryIO, wanted: Mapping[str, Path], most: int, pulse: Callable[[], None]) -> set[str]:
    """Reads a tar or tar.gz archive from its start until all that is wanted was found."""
    packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    stream = Bounded(cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file, most, pulse)
    found: dict[str, int] = {}
    # As a stream, of which tarfile asks for `read` alone: each byte is read once.
    with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|", bufsize=BLOCK) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if name in wanted and name not in found:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None:
                    raise RefusedError(f"found member {name}, which is a {tar_kind(member)}; expected a file")
                check_size(name, member.size, found, most)
                write(blocks(content, pulse), wanted[name])
                if len(found) == len(wanted):
                    break  # the rest is other languages
    return set(found)


def from_zip(file: BinaryIO, wanted: Mapping[str, Path], most: int, pulse: Callable[[], None]) -> set[str]:
    """Reads the wanted members of a zip archive."""
    found: dict[str, int] = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename.removeprefix("./")
            if name in wanted and name not in found:
                if kind := zip_kind(member):
                    raise RefusedError(f"found member {name}, which is {kind}; expected a file")
                check_size(name, member.file_size, found, most)
                with archive.open(member) as content:  # gives no more bytes than declared, and checks their sum
                    write(blocks(content, pulse), wanted[name])
    return set(found)


def check_size(name: str, size: int, found: dict[str, int], most: int) -> None:
    """Notes the declared size of a member, unless all that was found is too large together."""
    found[name] = size
    if (total := sum(found.values())) > most:
        raise RefusedError(
            f"found {total:,} bytes with member {name}; expected at most {most:,} from an archive of its size"
        )


def blocks(content: IO[bytes], pulse: Callable[[], None]) -> Iterator[bytes]:
    """What a file holds, a megabyte at a time."""
    while block := content.read(BLOCK):
        pulse()
        yield block


def write(blocks: Iterator[bytes], out: Path) -> None:
    """Writes a member."""
    with naming(out), out.open("wb") as copy:
        for block in blocks:
            copy.write(block)


def tar_kind(member: tarfile.TarInfo) -> str:
    """What a member is that is no file."""
    if member.issym() or member.islnk():
        return f"link to {member.linkname}"
    return "folder" if member.isdir() else "device"


def zip_kind(member: zipfile.ZipInfo) -> str:
    """What a member is that is no readable file, or nothing."""
    if member.is_dir():
        return "a folder"
    if stat.S_ISLNK(member.external_attr >> 16):  # where Unix keeps the mode
        return "a link"
    return "encrypted" if member.flag_bits & 1 else ""


class Bounded:
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: BinaryIO, most: int, pulse: Callable[[], None]) -> None:
        self.stream, self.most, self.pulse, self.given = stream, most, pulse, 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        self.pulse()
        block = self.stream.read(size)
        self.given += len(block)
        if self.given > self.most:
            raise RefusedError(
                f"found more than {self.most:,} bytes; expected at most as many from an archive of its size"
            )
        return block
