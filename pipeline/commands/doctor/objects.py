"""Damage in DVC's cache, which DVC does not notice: it trusts the names of files that are write-protected."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pipeline.commands.doctor import repository
from pipeline.commands.doctor.findings import Finding
from pipeline.commands.doctor.repository import shown
from s2s import files
from s2s.errors import unreadable
from s2s.progress import Meter

NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?")


def damaged_objects() -> Iterator[Finding]:
    """Find files of the cache whose bytes are not those of their name, the MD5 of their content."""
    users: dict[Path, list[Path]] = defaultdict(list)
    for link in repository.links():
        users[link.target].append(link.path)
    cache = repository.cache()
    # Beside files/, DVC 3 keeps lists of folders; what DVC 2 kept there has names of other hashes.
    paths = [*cache.glob("[0-9a-f][0-9a-f]/*.dir"), *(cache / "files" / "md5").glob("[0-9a-f][0-9a-f]/*")]
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
    """Remove links, and the file or folder that stands in an object's place."""
    for path in paths:
        files.remove(path)
