"""Damage in DVC's cache, which DVC does not notice: it trusts the names of files that are write-protected."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.commands.doctor import repository
from pipeline.commands.doctor.findings import Finding
from pipeline.running import lockfile
from s2s.errors import unreadable
from s2s.progress import Meter

NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?")
SIZES = {"size", "nfiles"}
"""Keys of an entry that its name does not cover."""


def damaged_objects() -> Iterator[Finding]:
    """Find files of the cache whose bytes are not those of their name, the MD5 of their content."""
    users: dict[Path, list[Path]] = defaultdict(list)
    for link in repository.links():
        users[link.target].append(link.path)
    cache = repository.cache()
    paths = [path for folder in (cache, cache / "files" / "md5") for path in folder.glob("[0-9a-f][0-9a-f]/*")]
    paths = sorted(path for path in paths if NAME.fullmatch(f"{path.parent.name}/{path.name}"))
    sizes = [path.lstat().st_size for path in paths]
    with ThreadPoolExecutor() as pool, Meter("doctor", max(sum(sizes), 1)) as meter:
        done = 0
        for path, size, fault in zip(paths, sizes, pool.map(fault_of_object, paths), strict=True):
            done += size
            meter.update(done, f"{done / 1e9:,.1f} GB of DVC's cache read")
            if fault:
                names = users[path]
                said = f"{fault} ({names[0]})" if names else fault
                cure = f"removed, with {len(names)} links to it: dvc repro makes it again"
                yield Finding(shown(path), said, cure, partial(remove, [*names, path]))


def shown(path: Path) -> Path:
    """Return a path as it is seen from the checkout."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def fault_of_object(path: Path) -> str:
    """Return the difference between a file's bytes and its name, or ""."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
    except OSError as error:
        return unreadable(path, error).removeprefix("found ")
    if digest == f"{path.parent.name}{path.name.removesuffix('.dir')}":
        return ""
    return "other bytes than its name says" if path.stat().st_size else "0 bytes"


def remove(paths: Sequence[Path]) -> None:
    """Remove files and links."""
    for path in paths:
        path.unlink(missing_ok=True)


def damaged_runs() -> Iterator[Finding]:
    """Find entries of DVC's run cache, which lead from a stage's inputs to its outputs, whose bytes are not their name.

    A name is `<hash of command, inputs and names of outputs>/<hash of all>`.
    """
    for path in sorted((repository.cache() / "runs").glob("*/*/*")):
        if not path.name.startswith(".") and entry_name(path) != f"{path.parent.name}/{path.name}":
            cure = "removed: DVC runs this stage again for these parameters"
            yield Finding(shown(path), "other bytes than its name says", cure, path.unlink)


def entry_name(path: Path) -> str:
    """Return the name that DVC gives an entry of these bytes, or "" if it is none."""
    try:
        entry = lockfile.parse(path.read_bytes())
    except OSError:
        return ""
    if not lockfile.is_entry(entry):
        return ""
    names = [out["path"] for out in entry.get("outs", [])]
    return f"{digest({**entry, 'outs': names})}/{digest(entry)}"


def digest(value: Any) -> str:
    """Return the hash by which DVC names a value."""
    return hashlib.sha256(json.dumps(without_sizes(value), sort_keys=True).encode()).hexdigest()


def without_sizes(value: Any) -> Any:
    """Return a value without the sizes of files, at any depth."""
    if isinstance(value, list):
        return [without_sizes(inner) for inner in value]
    if isinstance(value, dict):
        return {key: without_sizes(inner) for key, inner in value.items() if key not in SIZES}
    return value
