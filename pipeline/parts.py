"""Files on their way: what is there, whether it is the whole, and what a server may add to it."""

import hashlib
import re
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from pipeline.sources import Copy
from s2s.files import naming

PARTIAL, TOO_MANY, SERVER_ERROR = 206, 429, 500  # of HTTP


class UnusablePlaceError(Exception):
    """Why a file could not be had from one place."""


class CutError(UnusablePlaceError):
    """The place has the file and did not give all of it."""


class Part:
    """A copy as far as it has come: its bytes on disk, and the digest of them.

    The file's name holds the checksum, so that no two versions of a file are mixed. Only its digest says whether it is
    whole: there is no mark that could outlive the truth.
    """

    def __init__(self, copy: Copy, folder: Path) -> None:
        self.copy, self.size = copy, copy.bytes
        self.path = part_of(copy, folder)
        self.received = 0  # bytes of this call

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("ab")
        with self.path.open("rb") as file:
            self.digest = hashlib.file_digest(file, lambda: new_digest(self.copy))
            self.done = file.tell()
        self.resumed = self.done > 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with naming(self.path):
            self.file.close()
        if self.path.exists() and not self.path.stat().st_size:
            self.path.unlink()

    @property
    def right(self) -> bool:
        """Whether this is the whole file."""
        return is_right(self.copy, self.digest)

    def follow(self, answer: httpx.Response) -> None:
        """Prepares for what a server is about to send: what comes after the part, or all from the start.

        Raises:
            UnusablePlaceError: it sends something else.
        """
        if not answer.is_success:
            temporary = answer.status_code == TOO_MANY or answer.status_code >= SERVER_ERROR
            reason = f"HTTP {answer.status_code} {answer.reason_phrase}".strip()
            raise (CutError if temporary else UnusablePlaceError)(reason)
        start, size = offered(answer)
        check_size(self.copy, size)
        if start not in (0, self.done):
            raise UnusablePlaceError(f"found bytes from {start} on; expected them from {self.done} on")
        if start != self.done:
            self.restart()
        self.resumed, self.size = self.resumed or start > 0, size or self.copy.bytes

    def append(self, chunk: bytes) -> None:
        """Adds bytes at the end."""
        if self.copy.bytes is not None and self.done + len(chunk) > self.copy.bytes:
            self.restart()
            raise UnusablePlaceError(f"found more than {self.copy.bytes} bytes")
        with naming(self.path):
            self.file.write(chunk)
        self.digest.update(chunk)
        self.done += len(chunk)
        self.received += len(chunk)

    def restart(self) -> None:
        """Forgets all bytes."""
        self.file.truncate(0)  # written at its end, wherever that is
        self.digest, self.done, self.resumed = new_digest(self.copy), 0, False

    def set_aside(self) -> Path:
        """Renames what is wrong, for a person to look at; one such file is kept."""
        aside = self.path.with_name(f"{self.copy.name}.bad")
        self.path.replace(aside)
        return aside


def part_of(copy: Copy, folder: Path) -> Path:
    """Where a copy is put together."""
    return folder / f"{copy.name}.{copy.checksum.partition(':')[2][:16]}"


def offered(answer: httpx.Response) -> tuple[int, int | None]:
    """Which byte a server sends first, and how many the whole file has, if it says so."""
    if answer.status_code != PARTIAL:
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    found = re.match(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if not found:
        raise UnusablePlaceError("found a part of the file without its place; expected Content-Range")
    return int(found[1]), int(found[2]) if found[2].isdecimal() else None


def new_digest(copy: Copy) -> "hashlib._Hash":
    """The beginning of a copy's checksum."""
    return hashlib.new(copy.checksum.partition(":")[0], usedforsecurity=False)


def is_right(copy: Copy, digest: "hashlib._Hash") -> bool:
    """Whether a digest is that of the whole copy."""
    return digest.hexdigest() == copy.checksum.partition(":")[2]


def check_size(copy: Copy, size: int | None) -> None:
    """Refuses a place whose file has another size, before it is read."""
    if size is not None and copy.bytes not in (None, size):
        raise UnusablePlaceError(f"found {size} bytes; expected {copy.bytes}")


def difference(copy: Copy, digest: "hashlib._Hash", size: int) -> str:
    """What is wrong with a file of the right size."""
    algorithm, _, wanted = copy.checksum.partition(":")
    return f"found {algorithm} {digest.hexdigest()} of {size} bytes; expected {wanted}"
