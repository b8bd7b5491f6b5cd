"""Digests of a stage's inputs: the md5s that DVC wrote into dvc.lock, and one key over all of them."""

import hashlib
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline import dag

LOCK = Path("dvc.lock")
MOST_BYTES = 4_000_000_000  # hashing takes about 8 seconds, during which the stage waits


def key(stage: dag.Stage, digests: dict[str, str]) -> str:
    """Return a hash of everything that determines a stage's outputs.

    Equal keys mean equal bytes.
    """
    facts = {"cmd": stage.cmd, "params": stage.params, "inputs": digests}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def digests(stage: dag.Stage, every: Sequence[dag.Stage], patience_seconds: float = 1.0) -> dict[str, str]:
    """Return the md5 of each input of a stage, by path.

    Outputs that dvc.lock lacks are left out.

    Outputs of other stages are looked up in dvc.lock, so that no large file is hashed; other files are hashed here.
    Under Snakemake another job may be writing dvc.lock, so an incomplete one is read again for `patience_seconds`.
    """
    outs = {out for writer in every for out in writer.outs}
    declared = [path for dep in stage.deps for path in ([dep] if inside(dep, outs) else dag.providers(dep, every))]
    deadline = time.monotonic() + patience_seconds
    lock = locked()
    while any(path in outs and path not in lock for path in declared) and time.monotonic() < deadline:
        time.sleep(0.1)
        lock = locked()
    md5s = {path: lock.get(path) if path in outs else md5(Path(path)) for path in declared}
    return {path: digest for path, digest in sorted(md5s.items()) if digest}


def inside(dep: str, outs: set[str]) -> bool:
    """Return True if a dependency is a file within a declared output.

    Such files are small, and hashed themselves.
    """
    return any(dep != out and dag.within(dep, out) for out in outs)


def locked() -> dict[str, str]:
    """Return the md5 of every output in dvc.lock, by path.

    That of a folder ends in `.dir`. Only the lists of outputs are parsed, a tenth of the file.
    """
    try:
        text = LOCK.read_text(encoding="utf-8")
        lists = re.findall(r"^    outs:\n((?:    [ -].*\n)+)", text, flags=re.MULTILINE)
        outs = YAML(typ="safe").load("".join(lists)) or []
    except (FileNotFoundError, UnicodeDecodeError, YAMLError):
        return {}
    return {out["path"]: out["md5"] for out in outs if "md5" in out}


def md5(path: Path) -> str | None:
    """Return the md5 of a file, as DVC computes it, or of a folder's list of names and md5s, or None."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    if not path.is_dir():
        return None
    files = sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    listing = "".join(f"{file.relative_to(path).as_posix()} {md5(file)}\n" for file in files)
    return hashlib.md5(listing.encode()).hexdigest()


def content(out: Path) -> str | None:
    """Return the md5 that dvc.lock will have for an output, None if it is missing or larger than `MOST_BYTES`.

    The md5 of a folder is that of a JSON list of its files, without those that .dvcignore names.
    """
    files = [file for file in out.rglob("*") if file.is_file()] if out.is_dir() else [out] * out.is_file()
    files = [file for file in files if file.name != ".snakemake_timestamp" and "__pycache__" not in file.parts]
    if not files or sum(file.stat().st_size for file in files) > MOST_BYTES:
        return None
    if out.is_file():
        return md5(out)
    listing = [{"md5": md5(file), "relpath": file.relative_to(out).as_posix()} for file in files]
    text = json.dumps(sorted(listing, key=lambda entry: str(entry["relpath"])), sort_keys=True)
    return f"{hashlib.md5(text.encode()).hexdigest()}.dir"
