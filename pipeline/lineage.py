"""Which bytes a stage is made from: the md5s that DVC wrote into dvc.lock, and one key over all of them."""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline import dag

LOCK = Path("dvc.lock")
MOST_BYTES = 4_000_000_000  # hashed in about 8 seconds, while the stage waits


def key(stage: dag.Stage, digests: dict[str, str]) -> str:
    """A hash of all that determines a stage's outputs; equal keys mean equal bytes."""
    facts = {"cmd": stage.cmd, "params": stage.params, "inputs": digests}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def digests(stage: dag.Stage, every: Sequence[dag.Stage], patience_seconds: float = 2.0) -> dict[str, str]:
    """The md5 of each input of a stage.

    Outputs of other stages are looked up in dvc.lock, so that no large file is hashed; other files are hashed here.
    Beside a running Snakemake dvc.lock may be caught while a sibling writes it, so it is read again for a while.
    An output that dvc.lock does not know has no entry.
    """
    wanted = {out for other in every for out in other.outs}
    declared = [path for dep in stage.deps for path in ([dep] if inside(dep, wanted) else dag.providers(dep, every))]
    deadline = time.monotonic() + patience_seconds
    known = locked()
    while any(path in wanted and path not in known for path in declared) and time.monotonic() < deadline:
        time.sleep(0.1)
        known = locked()
    found = {path: known.get(path) if path in wanted else md5(Path(path)) for path in declared}
    return {path: digest for path, digest in sorted(found.items()) if digest}


def inside(dep: str, outs: set[str]) -> bool:
    """Whether a dependency is a part of a declared output; such a part is small and hashed itself."""
    return any(dep != out and dag.within(dep, out) for out in outs)


def locked() -> dict[str, str]:
    """Path and md5 of every output in dvc.lock; a folder's ends in `.dir`."""
    try:
        lock: dict[str, Any] = yaml.load(LOCK.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
    except (FileNotFoundError, yaml.YAMLError):
        return {}
    outs = [out for entry in lock.get("stages", {}).values() for out in entry.get("outs", [])]
    return {out["path"]: out["md5"] for out in outs if "md5" in out}


def md5(path: Path) -> str | None:
    """The md5 of a file as DVC counts it; of a folder, over the names and md5s of its files."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    if not path.is_dir():
        return None
    files = sorted(one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts)
    listing = "".join(f"{one.relative_to(path).as_posix()} {md5(one)}\n" for one in files)
    return hashlib.md5(listing.encode()).hexdigest()


def content(out: Path) -> str | None:
    """The md5 that dvc.lock will have of an output, if it is there and no larger than `MOST_BYTES`.

    That of a folder is over a list of its files, but for those that .dvcignore names.
    """
    files = [one for one in out.rglob("*") if one.is_file()] if out.is_dir() else [out] * out.is_file()
    files = [one for one in files if one.name != ".snakemake_timestamp" and "__pycache__" not in one.parts]
    if not files or sum(one.stat().st_size for one in files) > MOST_BYTES:
        return None
    if out.is_file():
        return md5(out)
    listing = [{"md5": md5(one), "relpath": one.relative_to(out).as_posix()} for one in files]
    text = json.dumps(sorted(listing, key=lambda entry: str(entry["relpath"])), sort_keys=True)
    return f"{hashlib.md5(text.encode()).hexdigest()}.dir"
