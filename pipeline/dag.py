"""What dvc.yaml declares, for those who are not DVC: the Snakefile and the tracker. The only importer of dvc."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any


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
    """What it needs of the machine: threads, gpus, memory_mb."""


def stages(root: Path = Path()) -> list[Stage]:
    """The stages of the dvc.yaml in `root`, in its order."""
    # DVC has no public call that lists stages; requirements.lock pins the version this one was tried with.
    from dvc.dependency import ParamsDependency  # noqa: PLC0415
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

    with Repo(str(root)) as repo:
        return [stage(one) for one in repo.index.stages]


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


def within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)


def is_folder(out: str) -> bool:
    """Whether a declared output is a folder: those are named without a suffix."""
    return not PurePosixPath(out).suffix
