"""The plan of the next run: stages that are not up to date, with their expected time and disk space."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import typer

from pipeline import dag
from pipeline.dag import Stage
from pipeline.forecast import Change, Forecast, forecast
from pipeline.parameters import reading
from pipeline.tracking import address, lineage, names, store
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

    Times are those of the last run of a stage in MLflow, sizes those in dvc.lock; both are unknown if the stage's
    parameters or text changed since. A ~ marks a median over other stages of the same kind, such as trainings of other
    systems.
    """
    experiment = reading.read().operation.experiment
    every = dag.stages()
    coming = forecast(every)
    times = durations(experiment) if coming.changes else {}
    for line in told(steps(coming, times), every):
        typer.echo(line)


def durations(experiment: str) -> dict[str, float]:
    """Return the seconds of the latest uninterrupted run of each stage.

    Print a warning and return {} if MLflow does not answer.
    """
    try:
        found = store.Store.find(experiment)
        runs = found.search("FINISHED", {}) if found else []
    except Exception as error:  # MLflow, its database driver and its HTTP client raise unrelated classes
        reason = " ".join(str(error).split())[:200]
        typer.echo(address.shown(f"no times: MLflow does not answer at {address.uri()} ({reason})"), err=True)
        return {}
    # Runs that made other outputs than dvc.lock has are those of other parameters, which may take hours longer.
    made = {names.legal(f"{names.OUTPUT}{path}"): md5 for path, md5 in lineage.locked().items()}
    return {
        run.data.tags[names.STAGE]: (run.info.end_time - run.info.start_time) / 1000
        for run in reversed(runs)
        if names.STAGE in run.data.tags and "resumed" not in run.data.tags
        if all(made.get(tag, md5) == md5 for tag, md5 in run.data.tags.items())
    }


def steps(coming: Forecast, times: Mapping[str, float]) -> list[Step]:
    """Return the stages that are not up to date, in topological order.

    Args:
        coming: the next run.
        times: seconds by stage.
    """

    def estimates(name: str, change: Change) -> tuple[Estimate, Estimate]:
        if not change.is_as_large:
            return Estimate(None), Estimate(None)
        return estimate(name, comparable(times, coming)), estimate(name, comparable(coming.sizes, coming))

    return [
        Step(name, change.after, change.fate, reasons(change), *estimates(name, change))
        for name, change in coming.changes.items()
    ]


def comparable(measured: Mapping[str, float], coming: Forecast) -> dict[str, float]:
    """Return the numbers of stages whose text and parameters are those of their last run."""
    return {
        name: value
        for name, value in measured.items()
        if name not in coming.changes or coming.changes[name].is_as_large
    }


def reasons(change: Change) -> str:
    """Return the reason why a stage would run.

    A stage without an entry in dvc.lock is `new`.
    """
    if change.is_new:
        return "new"
    if change.reasons:
        return shortened(change.reasons)
    return f"no {shortened(change.lacks)}" if change.lacks else f"after {shortened(change.after)}"


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
