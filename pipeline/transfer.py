"""Fetches a file from the first place that has it: mirrors, then its public address; every byte is verified."""

import hashlib
import os
import re
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import httpx

from pipeline.sources import File
from s2s.errors import UserError
from s2s.files import whole
from s2s.progress import Meter

MIRRORS = "S2S_MIRRORS"
"""Environment variable: folders or URLs, separated by commas."""
CHUNK_BYTES = 1 << 20


class UnusablePlaceError(Exception):
    """Why a file could not be had from one place."""


def mirrors(named: Sequence[str]) -> list[str]:
    """The mirrors that params.yaml names, then those of the environment variable."""
    environment = (part.strip() for part in re.split(r"[,\n]", os.environ.get(MIRRORS, "")))
    return [*named, *filter(None, environment)]


def fetch(file: File, out: Path, mirrors: Sequence[str], timeout_seconds: float) -> str:
    """Writes a file, whole and verified, or not at all.

    Args:
        file: what to fetch.
        out: where it is to be.
        mirrors: folders or URLs to be searched first; relative folders start from the repository.
        timeout_seconds: silence after which an address is given up.

    Returns:
        The place that had it.

    Raises:
        UserError: no place had it; one line says why for each.
    """
    failures = []
    for place in (*(place_in(mirror, file) for mirror in mirrors), file.address):
        try:
            copy_verified(file, place, out, timeout_seconds)
        except UnusablePlaceError as error:
            print(f"{file.name}: not from {place}: {error}", flush=True)
            failures.append(f"{place} ({error})")
        else:
            return place
    raise UserError(f"{file.name}: found at no place: {', '.join(failures)}; expected one that has it, see {MIRRORS}")


def place_in(mirror: str, file: File) -> str:
    """Where a mirror would have a file: a URL or a path."""
    if "://" in mirror:
        return f"{mirror.rstrip('/')}/{quote(file.name)}"
    # `dvc exp run --temp` runs in a copy elsewhere; DVC_ROOT is the repository that the person means.
    return str(Path(os.environ.get("DVC_ROOT", ".")) / Path(mirror).expanduser() / file.name)


def copy_verified(file: File, place: str, out: Path, timeout_seconds: float) -> None:
    """Copies a file chunk by chunk; it takes its name only if size and checksum are right."""
    algorithm, _, wanted = file.checksum.partition(":")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    chunks = from_address(place, timeout_seconds) if "://" in place else from_folder(Path(place))
    done = 0
    with whole(out) as part, part.open("wb") as copy, Meter(f"download {file.name}", file.size_bytes) as meter:
        with closing(chunks):
            for chunk in chunks:
                digest.update(chunk)
                copy.write(chunk)
                done += len(chunk)
                if done > file.size_bytes:
                    raise UnusablePlaceError(f"found more than {file.size_bytes} bytes")
                meter.update(done, f"{done / 1e6:,.1f} MB")
        found = digest.hexdigest()
        if found != wanted:
            raise UnusablePlaceError(
                f"found {algorithm} {found} of {done} bytes; expected {wanted} of {file.size_bytes}"
            )


def from_folder(path: Path) -> Generator[bytes, None, None]:
    """The chunks of a file."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise UnusablePlaceError(str(error.strerror).lower()) from None


def from_address(url: str, timeout_seconds: float) -> Generator[bytes, None, None]:
    """The chunks that a server sends, as they are: a .gz that it calls an encoding is not unpacked."""
    headers = {"Accept-Encoding": "identity"}
    try:
        with httpx.stream("GET", url, timeout=timeout_seconds, follow_redirects=True, headers=headers) as answer:
            if not answer.is_success:
                raise UnusablePlaceError(f"HTTP {answer.status_code} {answer.reason_phrase}".strip())
            yield from answer.iter_raw(CHUNK_BYTES)
    except httpx.TimeoutException:
        raise UnusablePlaceError(f"no answer within {timeout_seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnusablePlaceError(" ".join(str(error).split()) or type(error).__name__) from None
