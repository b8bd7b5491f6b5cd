"""The bytes of a file that are on disk, and the answers of servers that may follow them."""

import hashlib
import re
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from pipeline.fetching.client import CutError, UnusablePlaceError
from pipeline.sources.catalog import Copy
from s2s.files import naming

PARTIAL, TOO_MANY, SERVER_ERROR = 206, 429, 500  # of HTTP
LENGTH = re.compile(r"[0-9]{1,18}")  # a longer number is no file's size
RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
MOST_BYTES = 10**10  # of a file whose size sources.yaml does not say; the largest file of WMT'14 has 2.6 GB


class Part:
    """The bytes of a copy that are on disk, and their digest.

    The file's name holds the checksum, so that two versions of a file are never mixed. Only the digest decides whether
    the file is complete, because a marker file could be wrong.
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
        """True if the file is complete and correct."""
        return is_right(self.copy, self.digest)

    def follow(self, answer: httpx.Response) -> None:
        """Prepare for the bytes of a response: those that follow the part, or the whole file.

        Raises:
            UnusablePlaceError: the server sends something else.
        """
        if not answer.is_success:
            temporary = answer.status_code == TOO_MANY or answer.status_code >= SERVER_ERROR
            reason = f"HTTP {answer.status_code} {answer.reason_phrase}".strip()
            raise (CutError if temporary else UnusablePlaceError)(reason)
        start, size = offered(answer)
        check_size(self.copy, size)
        self.check_room(size or 0)
        if start not in (0, self.done):
            raise UnusablePlaceError(f"found bytes from {start} on; expected them from {self.done} on")
        if start != self.done:
            self.restart()
        self.resumed, self.size = self.resumed or start > 0, size or self.copy.bytes

    def append(self, chunk: bytes) -> None:
        """Append bytes."""
        self.check_room(self.done + len(chunk))
        with naming(self.path):
            self.file.write(chunk)
        self.digest.update(chunk)
        self.done += len(chunk)
        self.received += len(chunk)

    def check_room(self, size: int) -> None:
        """Discard all bytes and raise an UnusablePlaceError if the file has more bytes than it may have."""
        most = self.copy.bytes or MOST_BYTES
        if size > most:
            self.restart()
            why = "" if self.copy.bytes else ", and sources.yaml does not say how many it has"
            raise UnusablePlaceError(f"found more than {most} bytes{why}")

    def restart(self) -> None:
        """Discard all bytes."""
        self.file.truncate(0)  # opened for appending, so writing goes on at its new end
        self.digest, self.done, self.resumed = new_digest(self.copy), 0, False

    def set_aside(self) -> Path:
        """Rename a file of a wrong digest, for the user to inspect; only the last such file is kept."""
        aside = self.path.with_name(f"{self.copy.name}.bad")
        self.path.replace(aside)
        return aside


def part_of(copy: Copy, folder: Path) -> Path:
    """Return the path of a copy's unfinished download."""
    return folder / f"{copy.name}.{copy.checksum.partition(':')[2][:16]}"


def offered(answer: httpx.Response) -> tuple[int, int | None]:
    """Return the offset of a response's first byte and the size of the whole file (None if unknown)."""
    if answer.status_code != PARTIAL:
        length = LENGTH.fullmatch(answer.headers.get("Content-Length", ""))
        return 0, int(length[0]) if length else None
    match = RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if not match:
        raise UnusablePlaceError("found a part of the file without its place; expected Content-Range")
    return int(match[1]), None if match[2] == "*" else int(match[2])


def new_digest(copy: Copy) -> "hashlib._Hash":
    """Return an empty digest of the algorithm of a copy's checksum."""
    return hashlib.new(copy.checksum.partition(":")[0], usedforsecurity=False)


def is_right(copy: Copy, digest: "hashlib._Hash") -> bool:
    """Return whether a digest equals the checksum of a copy."""
    return digest.hexdigest() == copy.checksum.partition(":")[2]


def check_size(copy: Copy, size: int | None) -> None:
    """Raise an UnusablePlaceError if a place has a file of another size, before it is read."""
    if size is not None and copy.bytes not in (None, size):
        raise UnusablePlaceError(f"found {size} bytes; expected {copy.bytes}")


def difference(copy: Copy, digest: "hashlib._Hash", size: int) -> str:
    """Return a message for a file of another checksum."""
    algorithm, _, wanted = copy.checksum.partition(":")
    return f"found {algorithm} {digest.hexdigest()} of {size} bytes; expected {wanted}"
