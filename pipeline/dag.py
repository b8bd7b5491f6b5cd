"""The stages of dvc.yaml, and what DVC records of them. The only importer of dvc."""

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from s2s import files
from s2s.errors import UserError


@dataclass(frozen=True)
class Stage:
    """One stage of dvc.yaml, `foreach` expanded and `${...}` filled in."""

    name: str
    """DVC's name, such as `train@reversed-1`."""
    cmd: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    """All outputs, metrics and plots included."""
    params: dict[str, Any]
    """The declared keys of params.yaml with their present values."""
    meta: dict[str, Any]
    """Needs of the machine: threads, processes, memory_mb, gpus, and the device that the parameters name."""


@contextmanager
def opened(root: Path = Path(), wait: bool = False, lock: bool = True) -> Iterator[Any]:
    """Open the DVC repository in a folder, and hold its lock.

    Args:
        root: the folder.
        wait: wait for a process that holds the lock, instead of raising.
        lock: hold the lock.

    Raises:
        UserError: DVC cannot read its files, an output is a dangling link, or another process holds the lock.
    """
    # DVC has no public functions for what is asked of it here; requirements.lock pins a version for which this works.
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.lock import LockError  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415

    try:
        with Repo(str(root), _wait_for_lock=wait) as repo, repo.lock if lock else nullcontext():
            yield repo
    except LockError:
        raise UserError("dvc.lock: found another DVC process at work; expected none") from None
    except DvcException as error:
        raise UserError(problem(error)) from None
    except FileNotFoundError as error:
        path = Path(error.filename or "")
        if not path.is_symlink():
            raise
        place = os.path.relpath(path, root)
        cure = "a file: `python -m pipeline doctor` removes such links and DVC restores or makes the files"
        raise UserError(f"{place}: found a link to no file; expected {cure}") from None


def problem(error: Exception) -> str:
    """Return the message for an error of DVC: place, found and the command that mends it."""
    text = str(error)
    for sign, place, wanted in PROBLEMS:
        if sign in text:
            return f"{place}: found {text}; expected {wanted}"
    return f"DVC: found {text}; expected files that it can read"


PROBLEMS = (
    ("dvc.lock", "dvc.lock", "what DVC wrote: `python -m pipeline doctor` repairs it"),
    ("RWLock-file", ".dvc/tmp/rwlock", "what DVC wrote: `python -m pipeline doctor` removes it"),
    ("not a git repository", ".git", "a clone, or `dvc config --local core.no_scm true`"),
)
"""What DVC's messages contain, and the place and the cure that a user is told."""


def stages(root: Path = Path()) -> list[Stage]:
    """Return the stages of the dvc.yaml in `root`, in its order."""
    try:
        with opened(root, lock=False) as repo:
            return [stage_of(entry) for entry in repo.index.stages]
    except UserError:
        # DVC writes dvc.lock in place, and jobs of a cluster read it meanwhile: read again while holding DVC's lock.
        with opened(root, wait=True) as repo:
            return [stage_of(entry) for entry in repo.index.stages]


def stage_of(entry: Any) -> Stage:
    """Return a stage of DVC in our form."""
    params = [dep for dep in entry.deps if is_parameters(dep)]
    return Stage(
        name=entry.name,
        cmd=entry.cmd if isinstance(entry.cmd, str) else " && ".join(entry.cmd),
        deps=tuple(dep.def_path for dep in entry.deps if dep not in params),
        outs=tuple(out.def_path for out in entry.outs),
        params={key: value for dep in params for key, value in dep.read_params().items()},
        meta=dict(entry.meta or {}),
    )


def forget(names: Collection[str], root: Path = Path()) -> None:
    """Remove all stages but some from dvc.lock, where DVC keeps those that dvc.yaml has no longer."""
    path = root / "dvc.lock"
    with opened(root, wait=True):
        if path.is_file():
            head, *entries = re.split(r"(?m)^(?=  \S)", path.read_text(encoding="utf-8"))
            kept = [entry for entry in entries if entry.partition(":\n")[0].strip(" '\"") in names]
            if len(kept) < len(entries):
                files.write_text(path, "".join([head, *kept]))


def changed_parameters(entry: Any) -> list[str]:
    """Return the declared keys of params.yaml whose values are not those of the last run of a stage of DVC."""
    statuses = [dep.status() for dep in entry.deps if is_parameters(dep)]
    return [key for status in statuses for keys in status.values() for key in ([] if isinstance(keys, str) else keys)]


def cached(entry: Any, digests: Mapping[str, str]) -> dict[str, str] | None:
    """Return the md5 of each output that DVC's cache of runs has for a stage, or None.

    The stage is changed in memory.

    Args:
        entry: a stage of DVC.
        digests: md5 of each dependency.
    """
    from dvc.stage.cache import _get_cache_hash  # noqa: PLC0415
    from dvc.stage.serialize import to_single_stage_lockfile  # noqa: PLC0415
    from dvc_data.hashfile.hash_info import HashInfo  # noqa: PLC0415
    from dvc_data.hashfile.meta import Meta  # noqa: PLC0415

    if entry.always_changed:
        return None
    for dep in entry.deps:
        dep.hash_info = dep.get_hash() if is_parameters(dep) else HashInfo("md5", digests[dep.def_path])
        dep.meta = Meta()
    for out in entry.outs:
        out.hash_info = HashInfo()
    runs = entry.repo.stage_cache
    key = _get_cache_hash(to_single_stage_lockfile(entry), key=True)
    values = sorted(Path(runs._get_cache_dir(key)).glob("*"), key=lambda path: path.stat().st_mtime)
    content = runs._load_cache(key, values[-1].name) if values else None
    if content is None or not runs._create_stage(content, wdir=entry.wdir).outs_cached():
        return None
    return {out["path"]: out["md5"] for out in content["outs"]}


def listing(repo: Any, md5: str) -> dict[str, str] | None:
    """Return the md5 of each file of a folder by relative path, or None if DVC's cache lacks the list.

    Args:
        repo: DVC's repository.
        md5: the folder's, which ends in `.dir`.
    """
    try:
        entries = json.loads(Path(repo.cache.local.oid_to_path(md5)).read_bytes())
        return {entry["relpath"]: entry["md5"] for entry in entries}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_parameters(dep: Any) -> bool:
    """Return True if a dependency of DVC is on keys of params.yaml."""
    from dvc.dependency import ParamsDependency  # noqa: PLC0415

    return isinstance(dep, ParamsDependency)


def folder_md5(listed: Mapping[str, str]) -> str:
    """Return the md5 that DVC gives to a folder, from the md5 of each of its files by relative path."""
    entries = [{"md5": md5, "relpath": path} for path, md5 in sorted(listed.items())]
    return f"{hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest()}.dir"


def parents(every: Sequence[Stage]) -> dict[str, list[str]]:
    """Return for each stage the stages that write its inputs."""
    writers = {out: stage.name for stage in every for out in stage.outs}
    reads = {stage.name: inputs(stage, every) for stage in every}
    return {
        name: list(dict.fromkeys(writers[path] for path in paths if path in writers)) for name, paths in reads.items()
    }


def rules(every: Sequence[Stage]) -> dict[str, str]:
    """Return a valid name of a Snakemake rule for each stage: `train@reversed-1` becomes `train_reversed_1`."""
    words: dict[str, str] = {}
    for stage in every:
        word = re.sub(r"\W", "_", stage.name)
        while word in words.values():
            word += "_"
        words[stage.name] = word
    return words


def inputs(stage: Stage, every: Sequence[Stage]) -> list[str]:
    """Return the inputs of a stage as declared outputs of other stages, and files of the repository.

    A folder above declared outputs is replaced by these outputs, a file inside a declared output by that output; any
    other dependency is a file of the repository and stays.
    """
    return list(dict.fromkeys(path for dep in stage.deps for path in providers(dep, every)))


def providers(dep: str, every: Sequence[Stage]) -> list[str]:
    """Return the declared outputs that contain a dependency or lie in it, or the dependency itself."""
    outs = [out for stage in every for out in stage.outs]
    matches = [out for out in outs if within(dep, out)] or [out for out in outs if within(out, dep)]
    return matches or [dep]


def ancestors(stage: Stage, every: Sequence[Stage]) -> list[Stage]:
    """Return all stages that a stage depends on, directly or indirectly, in the order of dvc.yaml."""
    paths = set(inputs(stage, every))
    names: set[str] = set()
    while new := [writer for writer in every if writer.name not in names and paths.intersection(writer.outs)]:
        names.update(writer.name for writer in new)
        paths.update(path for writer in new for path in inputs(writer, every))
    return [writer for writer in every if writer.name in names]


def threads(stage: Stage) -> int:
    """Return the number of cores that a stage uses where the machine has as many."""
    cores: int = stage.meta.get("threads", 1) * stage.meta.get("processes", 1)
    return cores


def resources(stage: Stage) -> dict[str, int]:
    """Return a stage's needs beside threads, under the names of Snakemake's executor plugins.

    A stage whose parameters say `cpu` requests no GPU, because a cluster without GPUs would never start it.
    """
    needs = {"mem_mb": stage.meta.get("memory_mb", 1000)}
    if stage.meta.get("gpus") and stage.meta.get("device") != "cpu":
        needs["gpu"] = stage.meta["gpus"]
    return needs


def within(path: str, folder: str) -> bool:
    """Return True if `path` is `folder` or lies in it."""
    return f"{path}/".startswith(f"{folder}/")  # pathlib takes a hundred times as long for thousands of pairs


def is_folder(out: str) -> bool:
    """Return True if a declared output is a folder.

    By convention, only folders are named without a suffix.
    """
    return not PurePosixPath(out).suffix
