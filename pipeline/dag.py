"""The stages of dvc.yaml, for the Snakefile, the tracker and the plan. The only importer of dvc."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

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
    uncached: tuple[str, ...]
    """The outputs that DVC records without a copy in its cache."""
    params: dict[str, Any]
    """The declared keys of params.yaml with their present values."""
    meta: dict[str, Any]
    """Needs of the machine: threads, processes, memory_mb, gpus, and the device that the parameters name."""


def stages(root: Path = Path()) -> list[Stage]:
    """Return the stages of the dvc.yaml in `root`, in its order."""
    # DVC has no public function that lists stages; requirements.lock pins a version for which this works.
    from dvc.dependency import ParamsDependency  # noqa: PLC0415
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415

    def stage(entry: Any) -> Stage:
        params = [dep for dep in entry.deps if isinstance(dep, ParamsDependency)]
        return Stage(
            name=entry.name,
            cmd=entry.cmd if isinstance(entry.cmd, str) else " && ".join(entry.cmd),
            deps=tuple(dep.def_path for dep in entry.deps if dep not in params),
            outs=tuple(out.def_path for out in entry.outs),
            uncached=tuple(out.def_path for out in entry.outs if not out.use_cache),
            params={key: value for dep in params for key, value in dep.read_params().items()},
            meta=dict(entry.meta or {}),
        )

    try:
        with Repo(str(root)) as repo:
            return [stage(entry) for entry in repo.index.stages]
    except DvcException:
        # DVC writes dvc.lock in place, and jobs of a cluster read it meanwhile: read again while holding DVC's lock.
        with Repo(str(root), _wait_for_lock=True) as repo, repo.lock:
            return [stage(entry) for entry in repo.index.stages]


@dataclass(frozen=True)
class Difference:
    """The changes of a stage since DVC last ran it."""

    reasons: tuple[str, ...]
    """Changed parameters, files or other things, such as `model.layers` or `the command`."""
    lacks: tuple[str, ...]
    """Outputs that are missing or changed."""
    kept: bool
    """True if DVC would restore the results from its cache."""


def differences(root: Path = Path()) -> dict[str, Difference]:
    """Return the changes that DVC finds, by stage.

    Stages that only depend on changed stages are left out.

    Raises:
        UserError: another DVC process holds the lock of the repository.
    """
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.lock import LockError  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415
    from dvc_data.hashfile.hash_info import HashInfo  # noqa: PLC0415

    logging.getLogger("dvc.stage.cache").setLevel(logging.WARNING)  # a dry run would print what it restores

    def difference(stage: Any, entries: Sequence[Any]) -> Difference:
        changed = {kind: paths for entry in entries if isinstance(entry, dict) for kind, paths in entry.items()}
        deps, outs = changed.get("changed deps", {}), changed.get("changed outs", {})
        keys = [key for change in deps.values() if isinstance(change, dict) for key in change]
        files = [path for path, change in deps.items() if not isinstance(change, dict)]
        rest = ["the command"] if "changed command" in entries else []
        rest += ["it runs each time"] if "always changed" in entries else []
        reasons = (*keys, *files, *rest)
        return Difference(reasons, tuple(outs), is_kept(stage, bool(reasons)))

    def is_kept(stage: Any, is_changed: bool) -> bool:
        if not all(dep.exists for dep in stage.deps):
            return False
        if is_changed:  # the cache is searched by the present digests of the inputs; set in memory alone
            stage.save_deps(allow_missing=True)
            for out in stage.outs:
                out.hash_info = HashInfo()
        try:
            stage.repo.stage_cache.restore(stage, dry=True)
        except DvcException:
            return False
        return True

    try:
        with Repo(str(root)) as repo, repo.lock:
            statuses = [(stage, next(iter(stage.status().values()), None)) for stage in repo.index.stages]
            return {stage.name: difference(stage, entries) for stage, entries in statuses if entries}
    except LockError:
        raise UserError("dvc.lock: found another DVC process at work; expected none") from None


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
    return PurePosixPath(path).is_relative_to(folder)


def is_folder(out: str) -> bool:
    """Return True if a declared output is a folder.

    By convention, only folders are named without a suffix.
    """
    return not PurePosixPath(out).suffix
