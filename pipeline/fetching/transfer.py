"""Download a file from the first place that has it, mirrors before its own addresses, and resume after breaks."""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipeline.fetching.client import Client, CutError, UnusablePlaceError
from pipeline.fetching.part import Part, check_size, difference, is_right, new_digest
from pipeline.sources.catalog import Copy
from s2s.errors import UserError, safe

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
    folder = Path(mirror)
    with suppress(RuntimeError):  # no user of that name
        folder = folder.expanduser()
    # `dvc exp run --temp` runs in a copy elsewhere; DVC_ROOT is the user's repository.
    return str(Path(os.environ.get("DVC_ROOT", ".")) / folder / copy.name)


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
                print(safe(f"{self.name}: not from {place}: {error}"), flush=True)
                failures.append(f"{place} ({error})")
            else:
                print(safe(f"{self.name}: from {place}"), flush=True)
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
            facts = path.stat()
            if not stat.S_ISREG(facts.st_mode):  # such as a pipe, which gives bytes without end or never
                raise UnusablePlaceError("found no file")
            check_size(copy, facts.st_size)
            digest, done = new_digest(copy), 0
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    digest.update(block)
                    done += len(block)
                    self.watch(done, copy.bytes)
        except (OSError, ValueError) as error:  # ValueError: the name has a zero byte
            raise UnusablePlaceError(str(getattr(error, "strerror", error)).lower()) from None
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
        with Client(self.timeout_seconds, lambda: part.received) as client:
            while True:
                try:
                    self.receive(client, part, url)
                except CutError:
                    if part.done > longest:
                        longest, pauses = part.done, list(PAUSES_SECONDS)
                    elif not (part.received and pauses):  # a server that never answered is not retried
                        raise
                    time.sleep(pauses.pop(0))
                    self.watch(part.done, part.size)
                else:
                    return

    def receive(self, client: Client, part: Part, url: str) -> None:
        """Append to a part what one request of a URL gives.

        Raises:
            CutError: the file is incomplete, and a retry may help.
            UnusablePlaceError: a retry cannot help.
        """
        # A .gz file that the server declares as an encoding shall not be unpacked.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={part.done}-"} if part.done else {})
        with client.get(url, headers) as answer:
            if answer.status_code == NOTHING_BEYOND and part.done:
                return  # the checksum says whether the part was the whole
            part.follow(answer)
            for chunk in answer.iter_raw():
                part.append(chunk)
                self.watch(part.done, part.size)
        if part.size is not None and part.done < part.size:
            raise CutError(f"found {part.done} bytes before the connection ended; expected {part.size}")
