"""Files that are never partial: written under another name, then renamed."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a new file or folder, and rename it to `path` if the block raises nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.parent / f".{path.name}.{uuid.uuid4().hex}.part"
    try:
        yield partial
        if path.is_dir() and partial.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Remove the temporary files that killed runs left next to a path, to which nobody else may be writing."""
    for partial in path.parent.glob(f".{path.name}.*.part"):
        shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)


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
