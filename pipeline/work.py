"""Folders for work that goes on after an interruption, undeclared so that no engine deletes them, and room for it."""

import ast
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from s2s.errors import check
from s2s.files import to_json


def folder(stage: str, name: str = "") -> Path:
    """Makes the folder of a stage, or of one piece of its work, in the user's own repository.

    `dvc exp run --temp` runs in a copy that vanishes; DVC_ROOT still names the repository.
    """
    place = Path(os.environ.get("DVC_ROOT", ".")) / "work" / stage / name
    place.mkdir(parents=True, exist_ok=True)
    return place


def fingerprint(modules: Iterable[ModuleType], *values: object) -> str:
    """Names what a result is a function of: code without its comments, and values for JSON.

    Args:
        modules: whose code counts; a package stands for all that lies in it.
        values: anything that JSON holds.
    """
    files = [path for module in modules for path in sources(Path(str(module.__file__)))]
    code = [ast.dump(ast.parse(path.read_bytes())) for path in files]
    return hashlib.sha256(to_json([code, *values]).encode()).hexdigest()[:16]


def sources(file: Path) -> list[Path]:
    """The files of a module, or of all modules of a package."""
    return sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]


def check_free(folder: Path, wanted: int, parts: str) -> None:
    """Refuses a disk that has not so many bytes free; `parts` says for what."""
    free = shutil.disk_usage(folder).free
    check(free >= wanted, f"{folder}: found {gigabytes(free)} free; expected {gigabytes(wanted)} ({parts})")


def gigabytes(count: int) -> str:
    """Bytes, for a person."""
    return f"{count / 1e9:,.2f} GB"
