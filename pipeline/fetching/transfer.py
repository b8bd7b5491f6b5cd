"""Download a file from the first place that has it, mirrors before its own addresses, and resume after breaks."""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from pipeline.sources.catalog import Copy
from s2s.errors import UserError
from s2s.files import naming

PARTIAL, TOO_MANY, SERVER_ERROR = 206, 429, 500  # of HTTP


class UnusablePlaceError(Exception):
    """A file cannot be had from an address; another may have it."""


class CutError(UnusablePlaceError):
    """A server has the file and did not send all of it, so that a retry may help."""


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
        if start not in (0, self.done):
            raise UnusablePlaceError(f"found bytes from {start} on; expected them from {self.done} on")
        if start != self.done:
            self.restart()
        self.resumed, self.size = self.resumed or start > 0, size or self.copy.bytes

    def append(self, chunk: bytes) -> None:
        """Append bytes."""
        if self.copy.bytes is not None and self.done + len(chunk) > self.copy.bytes:
            self.restart()
            raise UnusablePlaceError(f"found more than {self.copy.bytes} bytes")
        with naming(self.path):
            self.file.write(chunk)
        self.digest.update(chunk)
        self.done += len(chunk)
        self.received += len(chunk)

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
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    match = re.match(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if not match:
        raise UnusablePlaceError("found a part of the file without its place; expected Content-Range")
    return int(match[1]), int(match[2]) if match[2].isdecimal() else None


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


MIRRORS = "S2S_MIRRORS"
"""Environment variable: folders or URLs, separated by commas."""
PAUSES_SECONDS = (0.5, 2.0, 8.0)
"""Pauses before retries after a break; after as many attempts in a row without new bytes a place is given up."""
BLOCK = 1 << 20
NOTHING_BEYOND = 416  # of HTTP

Watch = Callable[[int, int | None], None]
"""Is called with the bytes that are there and the size of the file (None if unknown); may raise to stop a transfer."""


def mirrors(named: Sequence[str]) -> list[str]:
    """Return the mirrors of params.yaml, then those of the environment variable."""
    environment = (part.strip() for part in re.split(r"[,\n]", os.environ.get(MIRRORS, "")))
    return [*named, *filter(None, environment)]


def place_in(mirror: str, copy: Copy) -> str:
    """Return the URL or path of a file in a mirror."""
    if "://" in mirror:
        return f"{mirror.rstrip('/')}/{quote(copy.name)}"
    # `dvc exp run --temp` runs in a copy elsewhere; DVC_ROOT is the user's repository.
    return str(Path(os.environ.get("DVC_ROOT", ".")) / Path(mirror).expanduser() / copy.name)


def places(copies: Sequence[Copy], mirrors: Sequence[str]) -> Iterator[tuple[Copy, str]]:
    """Yield the copies of a file with their URLs or paths, in the order in which they are tried."""
    yield from ((copy, place_in(mirror, copy)) for mirror in mirrors for copy in copies)
    yield from ((copy, copy.address) for copy in copies)


def is_folder(mirror: str) -> bool:
    """Return whether a mirror is a folder of this machine, whose files are used in place."""
    return "://" not in mirror


@dataclass(frozen=True)
class Fetch:
    """Downloads one file."""

    name: str
    copies: Sequence[Copy]
    mirrors: Sequence[str]  # folders or URLs to be searched first; relative folders start from the repository
    timeout_seconds: float  # without an answer, after which a server is given up
    folder: Path  # of unfinished downloads; locked for one run
    watch: Watch = lambda done, size: None

    def __call__(self) -> Path:
        """Return the path of the complete and verified file: in a mirror folder, or in `folder`.

        Raises:
            UserError: no place has the file; the message gives the reason for each.
        """
        failures = []
        for copy, place in places(self.copies, self.mirrors):
            try:
                path = self.verified(copy, Path(place)) if is_folder(place) else self.downloaded(copy, place)
            except UnusablePlaceError as error:
                print(f"{self.name}: not from {place}: {error}", flush=True)
                failures.append(f"{place} ({error})")
            else:
                print(f"{self.name}: from {place}", flush=True)
                return path
        raise UserError(
            f"{self.name}: found at no place: {', '.join(failures)}; expected one that has it, see {MIRRORS}"
        )

    def verified(self, copy: Copy, path: Path) -> Path:
        """Verify a file of this machine and return its path.

        Raises:
            UnusablePlaceError: the file is absent, or another.
        """
        try:
            check_size(copy, path.stat().st_size)
            digest, done = new_digest(copy), 0
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    digest.update(block)
                    done += len(block)
                    self.watch(done, copy.bytes)
        except OSError as error:
            raise UnusablePlaceError(str(error.strerror).lower()) from None
        if not is_right(copy, digest):
            raise UnusablePlaceError(difference(copy, digest, done))
        return path

    def downloaded(self, copy: Copy, url: str) -> Path:
        """Download a file from a URL, resuming an earlier transfer, and return its path.

        A file of a wrong digest that several transfers contributed to is downloaded once more from its start. If the
        digest is still wrong, the file is renamed and kept.

        Raises:
            UnusablePlaceError: the server has not the file, or has another.
        """
        with Part(copy, self.folder) as part:
            if not part.right:
                self.complete(part, url)
            if not part.right and part.resumed:
                part.restart()
                self.complete(part, url)
            if part.right:
                return part.path
            aside = part.set_aside()
            raise UnusablePlaceError(f"{difference(copy, part.digest, part.done)}; kept as {aside}")

    def complete(self, part: Part, url: str) -> None:
        """Retry a URL until the file is complete or several attempts bring no new bytes."""
        longest, pauses = part.done, list(PAUSES_SECONDS)
        while True:
            try:
                self.receive(part, url)
            except CutError:
                if part.done > longest:
                    longest, pauses = part.done, list(PAUSES_SECONDS)
                elif not (part.received and pauses):  # a server that never answered is not retried
                    raise
                time.sleep(pauses.pop(0))
                self.watch(part.done, part.size)
            else:
                return

    def receive(self, part: Part, url: str) -> None:
        """Append to a part what one request of a URL gives.

        Raises:
            CutError: the file is incomplete, and a retry may help.
            UnusablePlaceError: a retry cannot help.
        """
        # A .gz file that the server declares as an encoding shall not be unpacked.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={part.done}-"} if part.done else {})
        try:
            with httpx.stream(
                "GET", url, timeout=self.timeout_seconds, follow_redirects=True, headers=headers
            ) as answer:
                if answer.status_code == NOTHING_BEYOND and part.done:
                    return  # the checksum says whether the part was the whole
                part.follow(answer)
                for chunk in answer.iter_raw():
                    part.append(chunk)
                    self.watch(part.done, part.size)
        except httpx.TimeoutException:
            raise CutError(f"no answer within {self.timeout_seconds:g} s") from None
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL) as error:
            raise UnusablePlaceError(in_words(error)) from None
        except httpx.HTTPError as error:
            raise CutError(in_words(error)) from None
        if part.size is not None and part.done < part.size:
            raise CutError(f"found {part.done} bytes before the connection ended; expected {part.size}")


def in_words(error: Exception) -> str:
    """Return an error's message on one line."""
    return " ".join(str(error).split()) or type(error).__name__
