"""The stages that `dvc repro` or Snakemake would run now, for the plan and the Snakefile."""

import graphlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import dag, leftovers
from pipeline.dag import Stage
from pipeline.tracking import lineage
from s2s.errors import UserError

CHECK = "check"  # the stage whose output is constant and that removes leftovers
ATTEMPTS = 5  # at reading outputs
MISSING = ""  # in place of the md5 of a file


@dataclass(frozen=True)
class Change:
    """The reasons why a stage is not up to date, and what will be done."""

    fate: str
    """`runs`; `kept` if DVC restores the results from its cache; `may run` if only its inputs may change."""
    reasons: tuple[str, ...] = ()
    """Changed parameters, files or other things, such as `model.layers` or `the command`."""
    lacks: tuple[str, ...] = ()
    """Outputs that are missing or changed."""
    after: tuple[str, ...] = ()
    """Stages that are not up to date either and write its inputs."""
    is_new: bool = False
    """True if dvc.lock has no run of the stage."""
    is_as_large: bool = True
    """True if the stage has as much to do as in its last run: at most code changed, here and in the stages before."""


@dataclass(frozen=True)
class Forecast:
    """The next run."""

    changes: dict[str, Change]
    """Stages that are not up to date, in topological order."""
    sizes: dict[str, int]
    """Bytes of the outputs of each stage that dvc.lock knows."""


def forecast(every: Sequence[Stage], wait: bool = False) -> Forecast:
    """Find the stages that are not up to date, as DVC will when their turn comes.

    A stage whose code or parameters changed may write anything. One that only lacks outputs writes the same again, and
    one that DVC restores writes what its cache holds, so stages behind these are judged too.

    Args:
        every: all stages of dvc.yaml.
        wait: wait for another process that holds DVC's lock.

    Raises:
        UserError: DVC cannot read its files, or another process holds its lock.
    """
    for _ in range(ATTEMPTS):
        with suppress(FileNotFoundError), dag.opened(wait=wait) as repo:  # a stage at work replaces its outputs
            return judged(repo, every)
    raise UserError("outputs: found them replaced again and again; expected other processes to end")


def judged(repo: Any, every: Sequence[Stage]) -> Forecast:
    """Judge all stages of DVC's repository."""
    entries = {entry.name: entry for entry in repo.index.stages}
    sizes = {name: sum(out.meta.size or 0 for out in entry.outs) for name, entry in entries.items() if ran(entry)}
    judge = Judge(repo, every)
    for name in graphlib.TopologicalSorter(judge.parents).static_order():
        judge.add(entries[name])
    return Forecast(judge.changes, sizes)


def ran(entry: Any) -> bool:
    """Return True if dvc.lock has a run of a stage of DVC."""
    return all(out.hash_info for out in entry.outs)


class Judge:
    """Judges stage after stage, in topological order."""

    def __init__(self, repo: Any, every: Sequence[Stage]) -> None:
        self.repo = repo
        self.parents = dag.parents(every)
        self.outs = [out for stage in every for out in stage.outs]
        self.changes: dict[str, Change] = {}
        self.after: dict[str, str | None] = {}
        """The md5 of each output after the run, None if it cannot be known."""
        self.removed: set[str] = set()
        """What the stage `check` will remove."""

    def add(self, entry: Any) -> None:
        """Judge a stage of DVC."""
        is_new = not ran(entry)
        recorded: dict[str, str | None] = {out.def_path: out.hash_info.value for out in entry.outs}
        self.after |= recorded
        if entry.frozen:
            return
        after = tuple(name for name in self.parents[entry.name] if name in self.changes)
        files = [dep for dep in entry.deps if not dag.is_parameters(dep)]
        digests = {dep.def_path: self.digest(dep, bool(after)) for dep in files}
        keys = dag.changed_parameters(entry)
        changed = [dep.def_path for dep in files if digests[dep.def_path] not in (None, dep.hash_info.value)]
        rest = ["the command"] * entry.changed_stage() + ["it runs each time"] * entry.always_changed
        lacks = tuple(out.def_path for out in entry.outs if out.status())
        if not (keys or changed or rest or lacks or None in digests.values()):
            return
        is_larger = bool(keys or rest or any(self.writers(path) for path in changed)) and not is_new
        is_larger |= any(not self.changes[name].is_as_large for name in after)
        reasons = (*keys, *changed, *rest)
        fate, outs = self.fate(entry, digests, reasons, lacks)
        if entry.name == CHECK:
            outs = recorded
            self.removed = set(map(str, leftovers.find(self.outs)))
        self.after |= outs
        self.changes[entry.name] = Change(fate, reasons, lacks, after, is_new, not is_larger)

    def fate(
        self, entry: Any, digests: Mapping[str, str | None], reasons: Sequence[str], lacks: Sequence[str]
    ) -> tuple[str, dict[str, str | None]]:
        """Return what will be done with a stage, and the md5 of each output then."""
        unknown: dict[str, str | None] = {out.def_path: None for out in entry.outs}
        present = {path: digest for path, digest in digests.items() if digest}
        if present.keys() != digests.keys():
            return ("runs" if reasons or lacks else "may run"), unknown
        if reasons:
            outs = dag.cached(entry, present)
            return ("kept", {**outs}) if outs else ("runs", unknown)
        is_kept = not any(out.changed_cache() for out in entry.outs)
        return ("kept" if is_kept else "runs"), {out.def_path: out.hash_info.value for out in entry.outs}

    def writers(self, path: str) -> list[str]:
        """Return the outputs that contain a path or lie in it."""
        return [out for out in self.outs if dag.within(path, out) or dag.within(out, path)]

    def digest(self, dep: Any, is_after_changes: bool) -> str | None:
        """Return the md5 of a dependency when its stage's turn comes, None if it cannot be known."""
        path, outs = dep.def_path, self.writers(dep.def_path)
        is_swept = any(dag.within(leftover, path) for leftover in self.removed)
        if not (outs and (is_after_changes or is_swept)):
            present: str = dep.hash_info.value if not dep.status() else dep.get_hash().value if dep.exists else MISSING
            return present
        if path in outs:
            return self.after[path]
        for out in outs:
            if dag.within(path, out):
                listed = self.listing(out)
                return listed.get(str(Path(path).relative_to(out)), MISSING) if listed is not None else None
        return self.folder(path, outs)

    def listing(self, out: str) -> dict[str, str] | None:
        """Return the md5 of each file of an output that is a folder, by relative path, None if it cannot be known."""
        digest = self.after[out]
        return dag.listing(self.repo, digest) if digest else None

    def folder(self, path: str, outs: Sequence[str]) -> str | None:
        """Return the md5 of a folder that holds some outputs, None if it cannot be known."""
        listed = {str(file.relative_to(path)): lineage.md5(file) or MISSING for file in self.others(path)}
        for out in outs:
            name, digest = Path(out).relative_to(path), self.after[out]
            files = self.listing(out) if dag.is_folder(out) else {"": digest} if digest else None
            if files is None:
                return None
            listed |= {str(name / file): md5 for file, md5 in files.items()}
        return dag.folder_md5(listed)

    def others(self, folder: str) -> Iterator[Path]:
        """Yield the files of a folder that are no outputs and stay."""
        places = [*self.outs, *self.removed]
        for root, _, names in self.repo.dvcignore.walk(self.repo.fs, folder):
            for file in (Path(root, name) for name in names):
                if not any(dag.within(str(file), place) for place in places):
                    yield file


def forced(settings: Any, every: Sequence[Stage]) -> set[str]:
    """Return the names of the stages that a person forces by rules or outputs in options of Snakemake."""
    rules = dag.rules(every)
    names = {*settings.forcerun, *(settings.targets if settings.forcetargets else ())}
    paths = {os.path.relpath(name) for name in names}
    return {
        stage.name
        for stage in every
        if settings.forceall or rules[stage.name] in names or paths.intersection(stage.outs)
    }


def behind(names: Collection[str], every: Sequence[Stage]) -> set[str]:
    """Return some stages and all that depend on them, directly or indirectly."""
    found = set(names)
    parents = dag.parents(every)
    for name in graphlib.TopologicalSorter(parents).static_order():
        if found.intersection(parents[name]):
            found.add(name)
    return found


def outputs_of_due(stage: Stage, due: Collection[str], every: Sequence[Stage]) -> list[str]:
    """Return the outputs of the nearest due stages that a stage depends on through stages that are up to date."""
    parents, nearest, passed = dag.parents(every), set(), set()
    waiting = [name for name in parents[stage.name] if name not in due]
    while waiting:
        name = waiting.pop()
        if name in due:
            nearest.add(name)
        elif name not in passed:
            passed.add(name)
            waiting += parents[name]
    return [out for other in every if other.name in nearest for out in other.outs]
