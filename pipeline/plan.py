"""Tells a person which stages params.yaml and the code as they are now would run, and what that is likely to take."""

import graphlib
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
import yaml

from pipeline import dag, lineage, parameters, store
from pipeline.dag import Difference, Stage
from s2s import program

SHOWN = 3  # reasons
FATES = {"runs": "run", "kept": "from DVC's cache", "may run": "may run"}


@dataclass(frozen=True)
class Estimate:
    """A number from earlier runs, or none."""

    value: float | None
    """Seconds or bytes."""
    own: bool = True
    """Of the stage itself, not of others of its kind."""


@dataclass(frozen=True)
class Step:
    """A stage that is not up to date."""

    stage: str
    after: tuple[str, ...]
    """Stages before it that are not up to date either."""
    fate: str
    """`runs`; `kept`: its results are in DVC's cache; `may run`: if the stages before it make something new."""
    why: str
    seconds: Estimate
    bytes: Estimate


def main() -> None:
    """Prints which stages `dvc repro` or `snakemake` would run now, and the time and disk that earlier runs took.

    Times are those of the last run of a stage in MLflow, sizes those in dvc.lock; ~ stands before those of other stages
    of the same kind, such as the training of another system.
    """
    experiment = parameters.read().tracking.experiment
    every, times = dag.stages(), durations(experiment)
    for line in told(steps(every, dag.differences(), locked(), times), every):
        typer.echo(line)


def durations(experiment: str) -> dict[str, float]:
    """Seconds that each stage took; where no store answers, none, and a line that says so."""
    try:
        return store.durations(experiment)
    except Exception as error:  # MLflow, its database driver and its HTTP client each have their own
        reason = " ".join(str(error).split())[:200]
        typer.echo(store.shown(f"no times: MLflow does not answer at {store.uri()} ({reason})"), err=True)
        return {}


def locked() -> dict[str, Any]:
    """What DVC noted of each stage when it last ran."""
    try:
        content = yaml.load(lineage.LOCK.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
    except FileNotFoundError:
        return {}
    stages: dict[str, Any] = content.get("stages", {})
    return stages


def steps(
    every: Sequence[Stage], changed: Mapping[str, Difference], lock: Mapping[str, Any], times: Mapping[str, float]
) -> list[Step]:
    """The stages that are not up to date, in their order."""
    sizes = {name: size(entry) for name, entry in lock.items()}
    before = parents(every)
    found: dict[str, Step] = {}
    for name in graphlib.TopologicalSorter(before).static_order():
        moved = tuple(parent for parent in before[name] if parent in found)
        if name in changed:
            fate = "kept" if changed[name].kept and not moved else "runs"
            why = reasons(changed[name], name in lock)
        elif moved:
            fate, why = "may run", f"after {shortened(moved)}"
        else:
            continue
        found[name] = Step(name, moved, fate, why, estimate(name, times), estimate(name, sizes))
    return list(found.values())


def parents(every: Sequence[Stage]) -> dict[str, list[str]]:
    """For each stage those that write what it reads."""
    writers = {out: stage.name for stage in every for out in stage.outs}
    reads = {stage.name: dag.inputs(stage, every) for stage in every}
    return {
        name: list(dict.fromkeys(writers[path] for path in paths if path in writers)) for name, paths in reads.items()
    }


def size(entry: Mapping[str, Any]) -> int:
    """The bytes of a stage's outputs."""
    return sum(out.get("size", 0) for out in entry.get("outs", []))


def reasons(found: Difference, known: bool) -> str:
    """Why a stage would run, in words."""
    if not known:
        return "new"
    return shortened(found.reasons) if found.reasons else f"no {shortened(found.lacks)}"


def shortened(names: Sequence[str]) -> str:
    """The first of some names."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def estimate(name: str, known: Mapping[str, float]) -> Estimate:
    """What is known of a stage, or the median of what is known of its kind: `train@a-1` is of the kind `train`."""
    if name in known:
        return Estimate(known[name])
    kind = f"{name.partition('@')[0]}@"
    alike = [value for other, value in known.items() if other.startswith(kind)]
    return Estimate(statistics.median(alike), own=False) if alike and "@" in name else Estimate(None)


def told(found: Sequence[Step], every: Sequence[Stage]) -> Iterator[str]:
    """The plan as a table and its sums."""
    if not found:
        yield f"nothing to run: all {len(every)} stages are up to date"
        return
    rows = [("stage", "", "time", "disk", "why")]
    rows += [(one.stage, FATES[one.fate], time(one), disk(one), one.why) for one in found]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        left, right = zip(row[:2], widths[:2], strict=True), zip(row[2:4], widths[2:], strict=True)
        cells = [text.ljust(width) for text, width in left] + [text.rjust(width) for text, width in right]
        yield "  ".join([*cells, row[4]])
    yield ""
    yield from sums(found, len(every))


def time(one: Step) -> str:
    """How long a stage is expected to take; what is in the cache takes none."""
    return "" if one.fate == "kept" else approximate(one.seconds, in_time)


def disk(one: Step) -> str:
    """How much its outputs are expected to take."""
    return approximate(one.bytes, in_bytes)


def approximate(found: Estimate, words: Any) -> str:
    """An estimate in words."""
    if found.value is None:
        return "unknown"
    return ("" if found.own else "~") + str(words(found.value))


def sums(found: Sequence[Step], every: int) -> Iterator[str]:
    """How much it is together: what runs for sure, and with what may run."""
    for fates, title in ((("runs",), "to run"), (("runs", "may run"), "with all that may run")):
        chosen = [one for one in found if one.fate in fates]
        if not chosen or (len(fates) > 1 and all(one.fate == "runs" for one in chosen)):
            continue
        yield f"{title}: {len(chosen)} of {every} stages, {span(chosen)}; {total(chosen)} of disk"


def span(found: Sequence[Step]) -> str:
    """How long some stages take, by one engine's way and by the other's."""
    known = [one.seconds.value for one in found if one.seconds.value is not None]
    if not known:
        return "unknown time"
    lacking = f" and {len(found) - len(known)} unknown" if len(known) < len(found) else ""
    return f"{in_time(sum(known))}{lacking} one after another, {in_time(longest_chain(found))} at least side by side"


def total(found: Sequence[Step]) -> str:
    """How much some stages write."""
    known = [one.bytes.value for one in found if one.bytes.value is not None]
    if not known:
        return "an unknown amount"
    return in_bytes(sum(known)) + (f" and {len(found) - len(known)} unknown" if len(known) < len(found) else "")


def longest_chain(found: Sequence[Step]) -> float:
    """The seconds of the longest row of stages of which each waits for the one before."""
    ends: dict[str, float] = {}
    for one in found:
        start = max((ends.get(name, 0.0) for name in one.after), default=0.0)
        ends[one.stage] = start + (one.seconds.value or 0.0)
    return max(ends.values(), default=0.0)


def in_time(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def in_bytes(size_: float) -> str:
    """Bytes as a person says them."""
    units = ("B", "kB", "MB", "GB", "TB")
    power = min(int(math.log10(max(size_, 1))) // 3, len(units) - 1)
    return f"{size_ / 1000**power:.{0 if power == 0 else 1}f} {units[power]}"


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    program.run(app)
