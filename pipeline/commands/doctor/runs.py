"""Damage in DVC's cache of runs, whose entries lead from a stage's command, inputs and parameters to its outputs."""

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.commands.doctor import repository
from pipeline.commands.doctor.findings import Finding
from pipeline.commands.doctor.processes import at_work
from pipeline.commands.doctor.repository import shown
from pipeline.running import lockfile

SIZES = {"size", "nfiles"}
"""Keys of an entry that its name does not cover."""


def damaged_runs() -> Iterator[Finding]:
    """Find entries of DVC's run cache, which lead from a stage's inputs to its outputs, whose bytes are not their name.

    A name is `<hash of command, inputs and names of outputs>/<hash of all>`.
    """
    for path in sorted((repository.cache() / "runs").glob("*/*/*")):
        if not path.name.startswith(".") and entry_name(path) != f"{path.parent.name}/{path.name}":
            cure = "removed: DVC runs this stage again for these parameters"
            yield Finding(shown(path), "other bytes than its name says", cure, partial(remove, path))


def remove(path: Path) -> None:
    """Remove an entry, and its folder if it is empty then."""
    path.unlink(missing_ok=True)
    if not any(path.parent.iterdir()):
        path.parent.rmdir()


def empty_runs() -> Iterator[Finding]:
    """Find folders without an entry, at which DVC ends with a traceback; a kill or DVC itself leaves them."""
    folders = [folder for folder in (repository.cache() / "runs").glob("*/*") if folder.is_dir()]
    empty = [folder for folder in folders if not any(folder.iterdir())]
    for folder in empty if empty and not at_work() else ():  # a DVC at work makes them, too, for a moment
        yield Finding(shown(folder), "an empty folder of DVC's cache of runs", "removed", folder.rmdir)


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
