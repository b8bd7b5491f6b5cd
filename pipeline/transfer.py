"""Fetches a file from the first place that has it: mirrors, then its addresses; what was cut off goes on."""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from pipeline.parts import CutError, Part, UnusablePlaceError, check_size, difference, is_right, new_digest
from pipeline.sources import Copy
from s2s.errors import UserError

MIRRORS = "S2S_MIRRORS"
"""Environment variable: folders or URLs, separated by commas."""
PAUSES_SECONDS = (0.5, 2.0, 8.0)
"""Before a place that broke off is called again; it is given up when so many calls in a row brought no byte more."""
BLOCK = 1 << 20
NOTHING_BEYOND = 416  # of HTTP

Watch = Callable[[int, int | None], None]
"""Is told the bytes that are there and those of the whole file, as far as known; it may raise to stop a transfer."""


def mirrors(named: Sequence[str]) -> list[str]:
    """The mirrors that params.yaml names, then those of the environment variable."""
    environment = (part.strip() for part in re.split(r"[,\n]", os.environ.get(MIRRORS, "")))
    return [*named, *filter(None, environment)]


def place_in(mirror: str, copy: Copy) -> str:
    """Where a mirror would have a file: a URL or a path."""
    if "://" in mirror:
        return f"{mirror.rstrip('/')}/{quote(copy.name)}"
    # `dvc exp run --temp` runs in a copy elsewhere; DVC_ROOT is the repository that the person means.
    return str(Path(os.environ.get("DVC_ROOT", ".")) / Path(mirror).expanduser() / copy.name)


def places(copies: Sequence[Copy], mirrors: Sequence[str]) -> Iterator[tuple[Copy, str]]:
    """Where the copies of a file may be, in the order in which they are tried."""
    yield from ((copy, place_in(mirror, copy)) for mirror in mirrors for copy in copies)
    yield from ((copy, copy.address) for copy in copies)


def is_folder(mirror: str) -> bool:
    """Whether a place is on this machine: then a file is used where it lies."""
    return "://" not in mirror


@dataclass(frozen=True)
class Fetch:
    """Gets one file."""

    name: str
    copies: Sequence[Copy]
    mirrors: Sequence[str]  # folders or URLs to be searched first; relative folders start from the repository
    timeout_seconds: float  # silence after which an address is given up
    folder: Path  # of files that are fetched; it is one run's at a time
    watch: Watch = lambda done, size: None

    def __call__(self) -> Path:
        """The path of the file, whole and verified: in a mirror folder, or in `folder`.

        Raises:
            UserError: no place had it; one line says why for each.
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
        """A file on this machine, if it is the one that is wanted."""
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
        """A file from an address, which goes on where an earlier transfer ended.

        What comes out wrong is fetched once more from its start if it was put together of several transfers. What is
        wrong for all that is kept aside.
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
        """Calls an address until it has given the whole file, or nothing more again and again."""
        longest, pauses = part.done, list(PAUSES_SECONDS)
        while True:
            try:
                self.receive(part, url)
            except CutError:
                if part.done > longest:
                    longest, pauses = part.done, list(PAUSES_SECONDS)
                elif not (part.received and pauses):  # who never answered is dead
                    raise
                time.sleep(pauses.pop(0))
                self.watch(part.done, part.size)
            else:
                return

    def receive(self, part: Part, url: str) -> None:
        """Adds to a part what one call of an address gives."""
        # Bytes as they are: a .gz that the server calls an encoding is not to be unpacked.
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
    """An error on one line."""
    return " ".join(str(error).split()) or type(error).__name__
