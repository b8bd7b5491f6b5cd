"""The plan of the next run: stages that are not up to date, with their expected time and disk space."""

import graphlib
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
import yaml

from pipeline import dag
from pipeline.dag import Difference, Stage
from pipeline.parameters import reading
from pipeline.tracking import lineage, store
from s2s import program

SHOWN = 3  # reasons in a line
FATES = {"runs": "run", "kept": "from DVC's cache", "may run": "may run"}


@dataclass(frozen=True)
class Estimate:
    """A number taken from earlier runs."""

    value: float | None
    """Seconds or bytes; None if unknown."""
    own: bool = True
    """True if measured for this stage, False if it is the median of other stages of its kind."""


@dataclass(frozen=True)
class Step:
    """A stage that is not up to date."""

    stage: str
    after: tuple[str, ...]
    """Inputs' stages that are not up to date either."""
    fate: str
    """`runs`; `kept` if the results are in DVC's cache; `may run` if only its inputs may change."""
    why: str
    seconds: Estimate
    bytes: Estimate


def main() -> None:
    """Print the stages that `dvc repro` or `snakemake` would run now, with expected time and disk space.

    Times are those of the last run of a stage in MLflow, sizes those in dvc.lock. A ~ marks a median over other stages
    of the same kind, such as trainings of other systems.
    """
    experiment = reading.read().operation.experiment
    every, times = dag.stages(), durations(experiment)
    for line in told(steps(every, dag.differences(), locked(), times), every):
        typer.echo(line)


def durations(experiment: str) -> dict[str, float]:
    """Return the seconds that each stage took.

    Print a warning and return {} if MLflow does not answer.
    """
    try:
        return store.durations(experiment)
    except Exception as error:  # MLflow, its database driver and its HTTP client raise unrelated classes
        reason = " ".join(str(error).split())[:200]
        typer.echo(store.shown(f"no times: MLflow does not answer at {store.uri()} ({reason})"), err=True)
        return {}


def locked() -> dict[str, Any]:
    """Return the entry of each stage in dvc.lock, {} if there is no such file."""
    try:
        content = yaml.load(lineage.LOCK.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
    except FileNotFoundError:
        return {}
    stages: dict[str, Any] = content.get("stages", {})
    return stages


def steps(
    every: Sequence[Stage], changed: Mapping[str, Difference], lock: Mapping[str, Any], times: Mapping[str, float]
) -> list[Step]:
    """Return the stages that are not up to date, in topological order.

    Args:
        every: all stages of dvc.yaml.
        changed: changes by stage, from `dag.differences`.
        lock: entries of dvc.lock by stage.
        times: seconds by stage.
    """
    sizes = {name: size(entry) for name, entry in lock.items()}
    parents_of = parents(every)
    plan: dict[str, Step] = {}
    for name in graphlib.TopologicalSorter(parents_of).static_order():
        after = tuple(parent for parent in parents_of[name] if parent in plan)
        if name in changed:
            fate = "kept" if changed[name].kept and not after else "runs"
            why = reasons(changed[name], name in lock)
        elif after:
            fate, why = "may run", f"after {shortened(after)}"
        else:
            continue
        plan[name] = Step(name, after, fate, why, estimate(name, times), estimate(name, sizes))
    return list(plan.values())


def parents(every: Sequence[Stage]) -> dict[str, list[str]]:
    """Return for each stage the stages that write its inputs."""
    writers = {out: stage.name for stage in every for out in stage.outs}
    reads = {stage.name: dag.inputs(stage, every) for stage in every}
    return {
        name: list(dict.fromkeys(writers[path] for path in paths if path in writers)) for name, paths in reads.items()
    }


def size(entry: Mapping[str, Any]) -> int:
    """Return the size of a stage's outputs in bytes, from its entry in dvc.lock."""
    return sum(out.get("size", 0) for out in entry.get("outs", []))


def reasons(difference: Difference, is_locked: bool) -> str:
    """Return the reason why a stage would run.

    A stage without an entry in dvc.lock is `new`.
    """
    if not is_locked:
        return "new"
    return shortened(difference.reasons) if difference.reasons else f"no {shortened(difference.lacks)}"


def shortened(names: Sequence[str]) -> str:
    """Join the first few names and count the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def estimate(name: str, measured: Mapping[str, float]) -> Estimate:
    """Return a stage's own value, or the median over its kind: `train@a-1` is of the kind `train`."""
    if name in measured:
        return Estimate(measured[name])
    kind = f"{name.partition('@')[0]}@"
    values = [value for stage, value in measured.items() if stage.startswith(kind)]
    return Estimate(statistics.median(values), own=False) if values and "@" in name else Estimate(None)


def told(plan: Sequence[Step], every: Sequence[Stage]) -> Iterator[str]:
    """Yield the lines of the plan: a table and its sums."""
    if not plan:
        yield f"nothing to run: all {len(every)} stages are up to date"
        return
    rows = [("stage", "", "time", "disk", "why")]
    rows += [(step.stage, FATES[step.fate], time(step), disk(step), step.why) for step in plan]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        left, right = zip(row[:2], widths[:2], strict=True), zip(row[2:4], widths[2:], strict=True)
        cells = [text.ljust(width) for text, width in left] + [text.rjust(width) for text, width in right]
        yield "  ".join([*cells, row[4]])
    yield ""
    yield from sums(plan, len(every))


def time(step: Step) -> str:
    """Return the expected duration of a step, "" for one that is restored from the cache."""
    return "" if step.fate == "kept" else approximate(step.seconds, in_time)


def disk(step: Step) -> str:
    """Return the expected size of a step's outputs."""
    return approximate(step.bytes, in_bytes)


def approximate(number: Estimate, formatted: Callable[[float], str]) -> str:
    """Return an estimate as text, with a ~ if it stems from other stages."""
    if number.value is None:
        return "unknown"
    return ("" if number.own else "~") + formatted(number.value)


def sums(plan: Sequence[Step], every: int) -> Iterator[str]:
    """Yield the sums over the stages that run for certain, and over these and those that may run."""
    for fates, title in ((("runs",), "to run"), (("runs", "may run"), "with all that may run")):
        chosen = [step for step in plan if step.fate in fates]
        if not chosen or (len(fates) > 1 and all(step.fate == "runs" for step in chosen)):
            continue
        yield f"{title}: {len(chosen)} of {every} stages, {span(chosen)}; {total(chosen)} of disk"


def span(plan: Sequence[Step]) -> str:
    """Return the time of some steps one after another (DVC) and side by side (Snakemake)."""
    seconds = [step.seconds.value for step in plan if step.seconds.value is not None]
    if not seconds:
        return "unknown time"
    unknown = f" and {len(plan) - len(seconds)} unknown" if len(seconds) < len(plan) else ""
    return f"{in_time(sum(seconds))}{unknown} one after another, {in_time(longest_chain(plan))} at least side by side"


def total(plan: Sequence[Step]) -> str:
    """Return the size of all outputs of some steps."""
    sizes = [step.bytes.value for step in plan if step.bytes.value is not None]
    if not sizes:
        return "an unknown amount"
    return in_bytes(sum(sizes)) + (f" and {len(plan) - len(sizes)} unknown" if len(sizes) < len(plan) else "")


def longest_chain(plan: Sequence[Step]) -> float:
    """Return the seconds of the longest chain of steps of which each waits for the step before."""
    ends: dict[str, float] = {}
    for step in plan:
        start = max((ends.get(name, 0.0) for name in step.after), default=0.0)
        ends[step.stage] = start + (step.seconds.value or 0.0)
    return max(ends.values(), default=0.0)


def in_time(seconds: float) -> str:
    """Format a duration in seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def in_bytes(size_: float) -> str:
    """Format a number of bytes with a decimal unit."""
    units = ("B", "kB", "MB", "GB", "TB")
    power = min(int(math.log10(max(size_, 1))) // 3, len(units) - 1)
    return f"{size_ / 1000**power:.{0 if power == 0 else 1}f} {units[power]}"


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    program.run(app)
