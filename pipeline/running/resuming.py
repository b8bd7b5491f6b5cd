"""Folders that keep unfinished work over an interruption, locks, and checks of free disk space.

No stage declares these folders, so no engine deletes them. Files in them are written by `files.kept`, and taken up if
`files.intact`.
"""

import ast
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from filelock import FileLock, Timeout

from s2s.errors import UserError, check
from s2s.files import digest_of, to_json


def folder(stage: str, name: str = "") -> Path:
    """Make the work folder of a stage in the user's repository and return its path.

    `dvc exp run --temp` runs in a temporary copy of the repository; DVC_ROOT still names the original.

    Args:
        stage: name of the stage.
        name: of a folder inside, for one part of the stage's work.
    """
    path = root() / stage / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{path}: found a file in its place; expected a folder, or nothing") from None
    return path


def root() -> Path:
    """Return the folder of all work folders, which may be absent."""
    return Path(os.environ.get("DVC_ROOT", ".")) / "work"


def kept() -> Iterator[Path]:
    """Yield the files of unfinished work, for `files.damage`."""
    for path in sorted(root().glob("*/*/*")):
        if not path.name.startswith(".") and path.suffix != digest_of(path).suffix:
            yield path


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Lock an output or a work folder for this process, after waiting for another that works on it.

    A kill releases the lock.
    """
    path = folder("locks") / hashlib.sha256(str(target.absolute()).encode()).hexdigest()[:16]
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{target}: waits for another process that works on it", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before the release: those who wait notice, and lock a new file
        lock.release()


@contextmanager
def unfinished(stage: str, name: str) -> Iterator[Path]:
    """Yield the work folder of one part of a stage's work, locked; it is removed if the block succeeds."""
    with alone(folder(stage, name)):
        place = folder(stage, name)  # the process before may have removed it
        yield place
        shutil.rmtree(place)


def fingerprint(modules: Iterable[ModuleType], *values: object) -> str:
    """Return a short hash of code and values, equal for equal results.

    Comments and docstrings are left out of the code, so that editing them keeps unfinished work.

    Args:
        modules: the modules whose code counts; a package stands for all modules in its folder.
        values: anything that JSON can hold.
    """
    paths = [path for module in modules for path in sources(Path(str(module.__file__)))]
    code = [ast.dump(without_docstrings(ast.parse(path.read_bytes()))) for path in paths]
    return hashlib.sha256(to_json([code, *values]).encode()).hexdigest()[:16]


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Remove every statement that is only a string: docstrings, and the descriptions under constants and attributes."""
    for node in ast.walk(tree):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                setattr(node, block, [statement for statement in statements if not is_string(statement)])
    return tree


def is_string(statement: ast.stmt) -> bool:
    """Return whether a statement is a string literal and nothing else."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def sources(file: Path) -> list[Path]:
    """Return the files of a module, or of all modules of a package."""
    return sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]


def check_free(folder: Path, wanted: int, parts: str) -> None:
    """Raise a UserError if a folder's disk has fewer than `wanted` bytes free.

    Args:
        folder: any folder on the disk.
        wanted: bytes needed.
        parts: what the bytes are needed for, quoted in the message.
    """
    free = shutil.disk_usage(folder).free
    check(free >= wanted, f"{folder}: found {gigabytes(free)} free; expected {gigabytes(wanted)} ({parts})")


def gigabytes(count: int) -> str:
    """Return a number of bytes as text in gigabytes."""
    return f"{count / 1e9:,.2f} GB"
