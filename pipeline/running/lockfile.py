"""The file dvc.lock, read without DVC, and the copy of it that stages keep.

DVC rewrites dvc.lock in place at the end of each stage, so a kill or a full disk at that moment leaves a part of it.
"""

import contextlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.running import resuming
from s2s import files

PATH = Path("dvc.lock")
ENTRY = {"cmd": (str, list), "deps": list, "params": dict, "outs": list}
"""Keys of a stage's entry, with the types of their values."""
FILE = {
    "path": str,
    "hash": str,
    "md5": (str, int, type(None)),
    "checksum": (str, int, type(None)),
    "etag": (str, int, type(None)),
    "size": int,
    "nfiles": int,
    "isexec": bool,
    "version_id": str,
    "cloud": dict,
    "files": list,
    "dataset": dict,
}
"""Keys of an input or output, with the types of their values."""
HASHES = {None, "md5", "md5-dos2unix", "etag", "checksum"}
"""Values of `hash`; DVC ends with a traceback at any other."""


def kept() -> Path:
    """Return the path of the copy."""
    return resuming.root() / PATH


def keep() -> None:
    """Copy dvc.lock if it changed and is whole.

    A stage does not fail for want of a copy, and a temporary repository leaves the user's copy alone.
    """
    with contextlib.suppress(OSError):
        if resuming.root().parent.samefile(Path.cwd()) and PATH.is_file():
            content = PATH.read_bytes()
            is_kept = kept().is_file() and kept().read_bytes() == content
            if not is_kept and read(content) is not None:
                files.write_bytes(kept(), content)


@lru_cache(maxsize=4)
def read(content: bytes) -> dict[str, Any] | None:
    """Return the entries of the stages in a dvc.lock, or None if DVC would refuse it or its last line has no end."""
    record = parse(content)
    if not content.endswith(b"\n") or not isinstance(record, dict) or record.get("schema") != "2.0":
        return None
    stages = record.get("stages", {})
    is_known = record.keys() <= {"schema", "stages", "datasets"} and isinstance(stages, dict)
    return stages if is_known and all(is_entry(stage) for stage in stages.values()) else None


def parse(content: bytes) -> Any:
    """Return the values of a YAML file as DVC reads it, or None if it is damaged."""
    from ruamel.yaml import YAML  # noqa: PLC0415 (a stage whose copy is up to date needs no parser)

    try:
        return YAML(typ="safe").load(content.decode("utf-8"))
    except Exception:  # beside its own errors, ruamel.yaml passes on those of int(), datetime() and others
        return None


def is_entry(value: Any) -> bool:
    """Return True if a value has the form of a stage's entry."""
    if not fits(value, ENTRY, "cmd"):
        return False
    items = [item for kind in ("deps", "outs") for item in value.get(kind, [])]
    return all(fits(item, FILE, "path") and item.get("hash") in HASHES for item in items)


def fits(value: Any, types: dict[str, Any], required: str) -> bool:
    """Return True if a value is a map with a required key, known keys, and values of their types."""
    return (
        isinstance(value, dict)
        and required in value
        and all(key in types and isinstance(inner, types[key]) for key, inner in value.items())
    )
