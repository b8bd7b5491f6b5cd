"""Files that are never partial: on disk under another name before they are renamed, and with a digest if kept."""

import glob
import hashlib
import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from s2s.errors import UserError, check


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a new file or folder, and rename it to `path` if the block raises nothing.

    The bytes are on disk before the name, so that a power cut leaves the old file or the new one. What killed processes
    left of the same path is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    partial = path.parent / f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.part"
    try:
        yield partial
        for inner in (partial, *partial.rglob("*")):
            sync(inner)
        if path.is_dir() and partial.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
        sync(path.parent)
    finally:
        remove(partial)


def sync(path: Path) -> None:
    """Wait until the bytes of a file, or the names in a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file, link or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Remove the temporary files that killed processes left next to a path."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        if is_left(partial):
            with suppress(FileNotFoundError):  # another process may sweep, too
                remove(partial)


def is_left(partial: Path) -> bool:
    """Return whether the process that made a temporary file of `whole` has ended."""
    owner = partial.name.split(".")[-3]
    try:
        os.kill(int(owner), 0)
    except PermissionError:
        return False
    except (ProcessLookupError, ValueError, OverflowError):
        return True
    return False


@contextmanager
def kept(path: Path) -> Iterator[Path]:
    """Yield a temporary path as `whole` does, for a file that a later run takes up, and write its SHA-256 beside it.

    The digest is renamed first, so that a kill never leaves a file without one.
    """
    with whole(path) as partial:
        yield partial
        write_text(digest_of(path), f"{sha256(partial)}  {path.name}\n")  # as sha256sum -c reads it


def digest_of(path: Path) -> Path:
    """Return the path of the digest of a file that `kept` wrote."""
    return path.with_name(f"{path.name}.sha256")


def damage(path: Path) -> str:
    """Return what is wrong with a file that `kept` wrote, as "found ...", or "".

    Raises:
        UserError: the disk does not give its bytes, which says nothing about them.
    """
    try:
        if not path.is_file():
            return "found no file"
        if not digest_of(path).is_file():
            return f"found no {digest_of(path).name} beside it"
        if sha256(path).encode() != digest_of(path).read_bytes()[:64]:
            return "found other bytes than were written"
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); expected a disk that gives its bytes") from None
    return ""


def intact(path: Path) -> bool:
    """Return whether a kept file is there as it was written; a damaged one is removed, with a line on stderr."""
    if not os.path.lexists(path):
        return False
    if fault := damage(path):
        print(f"{path}: {fault}; expected a whole file, removes it", file=sys.stderr, flush=True)
        remove(path)
        remove(digest_of(path))
    return not fault


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add a path to errors of reading and writing, in which Python names no file once it is open."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file."""
    with whole(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, with its line ends unchanged."""
    write_bytes(path, text.encode("utf-8"))


def to_json(value: Any) -> str:
    """Return a value as JSON on one line, with sorted keys, so that equal values give equal text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON with sorted keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False, indent=2)
    write_text(path, text + "\n")


def write_json_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write one JSON value a line."""
    write_text(path, "".join(to_json(row) + "\n" for row in rows))


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Read the values that `write_json_lines` wrote, from lines that only `\\n` ends."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, digest: str, expected: str) -> str:
    """Refuse a file whose bytes are not those that its maker recorded, and return their SHA-256, in hexadecimal.

    Reading takes 0.7 s a gigabyte on a processor with instructions for SHA-256, 2.5 s on one without.

    Args:
        path: the file.
        digest: its recorded SHA-256, or "" if none is recorded.
        expected: a description of the file.

    Raises:
        UserError: it is no regular file or has another digest.
    """
    check(path.is_file(), f"{path}: found no such file; expected {expected}")
    found = sha256(path)
    check(found == digest or not digest, f"{path}: found sha256 {found}; expected {digest}, {expected}")
    return found
