"""Half-written files of killed processes, damaged unfinished work, and the space on the disk."""

import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipeline.commands.doctor import repository
from pipeline.commands.doctor.findings import Finding
from pipeline.commands.doctor.processes import at_work
from pipeline.commands.doctor.repository import shown
from pipeline.running import resuming
from s2s import files
from s2s.errors import UserError

OURS = re.compile(r"\..+\.(\d+\.[0-9a-f]{8}|[0-9a-f]{32})\.part")
"""Name of a file that `files.whole` writes and then renames."""
DVCS = re.compile(r".*\.[\w-]{22}\.tmp")
"""Name of a file that DVC writes and then renames."""
PLACES = ("work", "packages", "reports")
"""Folders that are written beside the recorded results."""
RESERVE = 200_000_000  # bytes for checkpoints, logs and MLflow


def half_written() -> Iterator[Finding]:
    """Find files and folders that a killed process left half-written."""
    waiting = sorted({*repository.results(), *map(Path, PLACES), repository.cache()})
    ours: list[Path] = []
    of_dvc: list[Path] = []
    for folder in waiting:
        for path in folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ():
            kind = ours if OURS.fullmatch(path.name) else of_dvc if DVCS.fullmatch(path.name) else waiting
            kind.append(path)
    left = [path for path in ours if files.is_left(path)] + (of_dvc if of_dvc and not at_work() else [])
    for path in left:
        yield Finding(shown(path), "a half-written leftover", "removed", partial(files.remove, path))


def damaged_work() -> Iterator[Finding]:
    """Find files of unfinished work, such as checkpoints, whose bytes are not those that were written."""
    for path in resuming.kept():
        if not files.digest_of(path).is_file():
            continue  # half a download, or a record that waits for MLflow
        try:
            fault = files.damage(path).removeprefix("found ")
        except UserError:
            yield Finding(path, "a file that the disk does not give", "a disk that gives its bytes")
            continue
        if fault and not at_work():  # a process at work may just be writing it
            cure = "removed: the stage goes on from what is left"
            yield Finding(path, fault, cure, partial(remove, path))


def remove(path: Path) -> None:
    """Remove a file of unfinished work and its digest."""
    files.remove(path)
    files.remove(files.digest_of(path))


def small_disk() -> Iterator[Finding]:
    """Find a disk with less space than the largest stage wrote last time, and a reserve."""
    written = [sum(out.get("size", 0) for out in stage.get("outs", [])) for stage in repository.recorded().values()]
    wanted = max(written, default=0) + RESERVE
    free = shutil.disk_usage(Path()).free
    if free < wanted:
        cure = f"{resuming.gigabytes(wanted)}: dvc gc --workspace removes results of other parameters"
        yield Finding("disk", f"{resuming.gigabytes(free)} free", cure)
