"""One record as a JSON file: how it is read, checked and written."""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from s2s import files
from s2s.errors import UserError, check

EXACT = ConfigDict(extra="forbid")
Record = TypeVar("Record")

# What checks the keys and types of one kind of record. Making one takes longer than using it.
adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def parse(kind: type[Record], content: bytes, place: str) -> Record:
    """Reads a record from JSON, or says in one line what is wrong with it."""
    try:
        record: Record = adapter(kind).validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise UserError(f"{place}: {key}: {first['msg']}; expected what the stage before writes") from None
    return record


def read(kind: type[Record], path: Path) -> Record:
    """Reads a JSON file that holds one record."""
    return parse(kind, content_of(path), str(path))


def content_of(path: Path) -> bytes:
    """The bytes of a file that an earlier stage should have written."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected what the stage before writes") from None


def read_named(kind: type[Record], path: Path, names: Iterable[str]) -> dict[str, Record]:
    """Reads those records of a JSON file that have the given names, in their order; others are remains of old runs."""
    found = parse(dict[str, kind], content_of(path), str(path))  # type: ignore[valid-type]
    for name in names:
        check(name in found, f"{path}: found no {name}; expected all that params.yaml names")
    return {name: found[name] for name in names}


def write(path: Path, record: object) -> None:
    """Writes a record as a JSON file."""
    files.write_json(path, adapter(type(record)).dump_python(record, mode="json"))
