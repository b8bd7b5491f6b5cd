"""What dvc.yaml declares, for those who are not DVC: the Snakefile and the tracker. The only importer of dvc."""

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
    """As DVC says it, such as `train@reversed-1`."""
    cmd: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    """Metrics and plots among them."""
    uncached: tuple[str, ...]
    """Those of them that DVC records and does not keep."""
    params: dict[str, Any]
    """The keys of params.yaml that it declares, with the values they have now."""
    meta: dict[str, Any]
    """What it needs of the machine: threads, processes, memory_mb, gpus, and the device that its parameters name."""


def stages(root: Path = Path()) -> list[Stage]:
    """The stages of the dvc.yaml in `root`, in its order."""
    # DVC has no public call that lists stages; requirements.lock pins the version this one was tried with.
    from dvc.dependency import ParamsDependency  # noqa: PLC0415
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415

    def stage(one: Any) -> Stage:
        params = [dep for dep in one.deps if isinstance(dep, ParamsDependency)]
        return Stage(
            name=one.name,
            cmd=one.cmd if isinstance(one.cmd, str) else " && ".join(one.cmd),
            deps=tuple(dep.def_path for dep in one.deps if dep not in params),
            outs=tuple(out.def_path for out in one.outs),
            uncached=tuple(out.def_path for out in one.outs if not out.use_cache),
            params={key: value for dep in params for key, value in dep.read_params().items()},
            meta=dict(one.meta or {}),
        )

    try:
        with Repo(str(root)) as repo:
            return [stage(one) for one in repo.index.stages]
    except DvcException:
        # DVC writes dvc.lock in place, and each job of a cluster reads it while others end: once more, as none writes.
        with Repo(str(root), _wait_for_lock=True) as repo, repo.lock:
            return [stage(one) for one in repo.index.stages]


@dataclass(frozen=True)
class Difference:
    """In what a stage is not as DVC last saw it."""

    reasons: tuple[str, ...]
    """Parameters, files, or what else: such as `model.layers` or `the command`."""
    lacks: tuple[str, ...]
    """Its outputs that are gone or changed."""
    kept: bool
    """DVC has kept results of just this, and would take them from its cache."""


def differences(root: Path = Path()) -> dict[str, Difference]:
    """What DVC finds changed, by stage; stages that merely rest on those are not told.

    Raises:
        UserError: DVC is at work here.
    """
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.lock import LockError  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415
    from dvc_data.hashfile.hash_info import HashInfo  # noqa: PLC0415

    logging.getLogger("dvc.stage.cache").setLevel(logging.WARNING)  # it tells of what it would restore

    def difference(one: Any, entries: Sequence[Any]) -> Difference:
        changed = {kind: paths for entry in entries if isinstance(entry, dict) for kind, paths in entry.items()}
        deps, outs = changed.get("changed deps", {}), changed.get("changed outs", {})
        keys = [key for found in deps.values() if isinstance(found, dict) for key in found]
        files = [path for path, found in deps.items() if not isinstance(found, dict)]
        rest = ["the command"] if "changed command" in entries else []
        rest += ["it runs each time"] if "always changed" in entries else []
        reasons = (*keys, *files, *rest)
        return Difference(reasons, tuple(outs), is_kept(one, bool(reasons)))

    def is_kept(one: Any, is_other: bool) -> bool:
        if not all(dep.exists for dep in one.deps):
            return False
        if is_other:  # in memory alone: what it would be looked up by, and that no result of it is known
            one.save_deps(allow_missing=True)
            for out in one.outs:
                out.hash_info = HashInfo()
        try:
            one.repo.stage_cache.restore(one, dry=True)
        except DvcException:
            return False
        return True

    try:
        with Repo(str(root)) as repo, repo.lock:
            found = [(one, next(iter(one.status().values()), None)) for one in repo.index.stages]
            return {one.name: difference(one, entries) for one, entries in found if entries}
    except LockError:
        raise UserError("dvc.lock: found DVC at work; expected the repository to be at rest") from None


def rules(every: Sequence[Stage]) -> dict[str, str]:
    """A word for each stage that Snakemake takes as a rule's name: `train@reversed-1` is `train_reversed_1`."""
    words: dict[str, str] = {}
    for stage in every:
        word = re.sub(r"\W", "_", stage.name)
        while word in words.values():
            word += "_"
        words[stage.name] = word
    return words


def inputs(stage: Stage, every: Sequence[Stage]) -> list[str]:
    """What a stage reads, in terms of what other stages declare to write.

    A folder above declared outputs becomes those outputs, a file inside a declared output becomes that output; any
    other dependency is a file of the repository and stays.
    """
    return list(dict.fromkeys(path for dep in stage.deps for path in providers(dep, every)))


def providers(dep: str, every: Sequence[Stage]) -> list[str]:
    """The declared outputs that a dependency stands for, or itself."""
    outs = [out for stage in every for out in stage.outs]
    found = [out for out in outs if within(dep, out)] or [out for out in outs if within(out, dep)]
    return found or [dep]


def ancestors(stage: Stage, every: Sequence[Stage]) -> list[Stage]:
    """The stages that a stage rests on, near or far, in the order of dvc.yaml."""
    wanted = set(inputs(stage, every))
    found: set[str] = set()
    while new := [one for one in every if one.name not in found and wanted.intersection(one.outs)]:
        found.update(one.name for one in new)
        wanted.update(path for one in new for path in inputs(one, every))
    return [one for one in every if one.name in found]


def threads(stage: Stage) -> int:
    """The processors that a stage takes, if there are as many."""
    found: int = stage.meta.get("threads", 1) * stage.meta.get("processes", 1)
    return found


def resources(stage: Stage) -> dict[str, int]:
    """What a stage needs beside its threads, in the words of Snakemake's executor plugins.

    No GPU is asked for where the parameters say that the stage computes on the CPU, or a cluster that has none would
    never start it.
    """
    needs = {"mem_mb": stage.meta.get("memory_mb", 1000)}
    if stage.meta.get("gpus") and stage.meta.get("device") != "cpu":
        needs["gpu"] = stage.meta["gpus"]
    return needs


def within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)


def is_folder(out: str) -> bool:
    """Whether a declared output is a folder: those are named without a suffix."""
    return not PurePosixPath(out).suffix
