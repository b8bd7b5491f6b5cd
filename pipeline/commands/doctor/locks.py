"""Faults of dvc.lock and of the locks that killed engines leave."""

import errno
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipeline.commands.doctor.findings import Finding
from pipeline.commands.doctor.processes import LOCK, at_work, dvc_lock
from pipeline.commands.doctor.repository import configured, versions
from pipeline.running import lockfile
from s2s import files
from s2s.errors import unreadable

RWLOCK = Path(".dvc/tmp/rwlock")
SNAKEMAKE = Path(".snakemake/locks")
CONFLICT = re.compile(rb"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)


def damaged_record() -> Iterator[Finding]:
    """Find a dvc.lock that DVC cannot read."""
    fault = fault_of_record()
    if not fault:
        return
    with dvc_lock() as is_held:  # DVC may only be writing it
        fault = fault_of_record()
    if not fault:
        return
    if not is_held:
        yield Finding(lockfile.PATH, f"{fault}, and DVC at work", f"{LOCK} to be free: wait for DVC or end it")
    elif fault == "conflict markers of git":
        cure = "one of both versions: git checkout --ours dvc.lock (or --theirs), then dvc repro"
        yield Finding(lockfile.PATH, fault, cure)
    elif not lockfile.PATH.is_file():
        yield Finding(lockfile.PATH, fault, "a file: remove it, then call dvc repro")
    else:
        origin, content = next(versions(), ("", None))
        cure = f"restored from {origin}" if content else "removed: dvc repro takes results from DVC's cache"
        yield Finding(lockfile.PATH, fault, cure, partial(restore, content))


def fault_of_record() -> str:
    """Return the reason why DVC cannot read dvc.lock, or ""."""
    try:
        content = lockfile.PATH.read_bytes()
    except FileNotFoundError:
        return ""  # as before the first run
    except OSError as error:
        return unreadable(lockfile.PATH, error).removeprefix("found ")
    if lockfile.read(content) is not None:
        return ""
    if CONFLICT.search(content):
        return "conflict markers of git"
    return "a damaged record" if content else "0 bytes"


def restore(content: bytes | None) -> None:
    """Replace dvc.lock, or remove it, while no DVC command writes it."""
    with dvc_lock() as is_held:
        if not is_held:
            raise BlockingIOError(errno.EBUSY, "DVC is at work")
        if content is None:
            lockfile.PATH.unlink()
        else:
            files.write_bytes(lockfile.PATH, content)


def stale_locks() -> Iterator[Finding]:
    """Find locks of processes that have ended."""
    if fault := fault_of_rwlock():
        workers = at_work()
        if not workers:
            yield Finding(RWLOCK, fault, "removed", RWLOCK.unlink)
        elif fault == DAMAGED:
            yield Finding(RWLOCK, fault, f"no process at work: end {workers[0]}, then call doctor")
    names = sorted(SNAKEMAKE.glob("*.lock"))
    if names and not at_work():
        yield Finding(SNAKEMAKE, "locks of a Snakemake that has ended", "removed", partial(remove, names))
    if LOCK.exists() and configured("core", "hardlink_lock").lower() == "true" and not at_work():
        cure = f"no lock: if no DVC runs on any machine, remove {LOCK}"
        yield Finding(LOCK, "a lock that no process of this machine holds", cure)


DAMAGED = "a damaged list"


def fault_of_rwlock() -> str:
    """Return the fault of DVC's list of files in use, if no process uses them or DVC cannot read it, or ""."""
    try:
        entries = json.loads(RWLOCK.read_bytes())
    except FileNotFoundError:
        return ""
    except ValueError:
        return DAMAGED
    if not isinstance(entries, dict) or not all(isinstance(kind, dict) for kind in entries.values()):
        return DAMAGED
    return "files in use by a DVC that has ended" if any(entries.values()) else ""


def remove(paths: list[Path]) -> None:
    """Remove files."""
    for path in paths:
        path.unlink(missing_ok=True)
