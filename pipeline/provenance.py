"""Which MLflow run made each result, and what it took: provenance.js beside the page, for the page to show.

It is a program of a person and of the recorder, no stage: times and ids differ between runs that give equal results.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import dag, lineage, stage, store
from pipeline.parameters import read
from s2s import files

SPEED = "words_per_second"  # of the source and the target, which trainings record as they go
ENDED, CONTENT, INPUTS = "FINISHED", "content", "inputs"


@dataclass(frozen=True)
class File:
    """A result: a file, or a folder that DVC keeps as a whole."""

    path: str
    md5: str  # as dvc.lock has it; a folder's ends in `.dir`
    run: str | None  # of those recorded, the newest one that made it
    found_by: str | None
    """`content`: the run noted that it wrote these very bytes. `inputs`: it read the same with the same command."""


@dataclass(frozen=True)
class Stage:
    """A stage, and what stands there of its results."""

    name: str
    files: list[File]


@dataclass(frozen=True)
class Run:
    """A run of a stage; seconds are None where it was recorded by an earlier version of this project."""

    url: str | None  # of its page, where MLflow has a server
    started: str
    seconds: float
    cpu_seconds: float | None
    gpu_seconds: float | None
    lost_seconds: float  # of earlier attempts from the same inputs, killed or failed
    words_per_second: float | None  # the median of what a training told
    commit: str | None
    command: str
    parameters: dict[str, str]
    versions: dict[str, str]
    hardware: dict[str, str]


@dataclass(frozen=True)
class Total:
    """What all runs took that made what stands there; sums over the runs that know."""

    runs: int
    seconds: float
    cpu_seconds: float
    gpu_seconds: float
    lost_seconds: float
    without_cost: int  # runs that do not know their processor time


@dataclass(frozen=True)
class Provenance:
    """All of provenance.js."""

    written: str
    store: str
    stages: list[Stage]
    runs: dict[str, Run]
    total: Total


def main(reports: Path = Path("reports")) -> None:
    """Writes which MLflow run made each result, and what it took, to provenance.js for the page to show.

    Args:
        reports: the folder that the page lies in.
    """
    experiment = read().tracking.experiment
    with store.answering(""):
        found = gather(dag.stages(), experiment, reports)
    write(reports, found)
    results = [file for one in found.stages for file in one.files]
    known = sum(file.run is not None for file in results)
    print(f"{reports / 'provenance.js'}: {known} of {len(results)} results have a run in {found.store}")


def write(reports: Path, provenance: Provenance) -> None:
    """Writes a script, for pages opened from the disk may load no JSON; from its second line on it is JSON."""
    files.write_text(reports / "provenance.js", f"window.provenance =\n{files.to_json(asdict(provenance))}\n")


def gather(every: Sequence[dag.Stage], experiment: str, reports: Path = Path("reports")) -> Provenance:
    """Finds the run of each result that stands there.

    Args:
        every: the stages of dvc.yaml.
        experiment: of MLflow.
        reports: folder whose files are hashed; of others dvc.lock is believed.
    """
    known = store.Store.find(experiment)
    recorded: list[Any] = known.search(None, {}) if known else []
    locked = lineage.locked()
    keys = {one.name: lineage.key(one, lineage.digests(one, every, patience_seconds=0.0)) for one in every}
    stages = [Stage(one.name, results(one, keys[one.name], recorded, locked, reports)) for one in every]
    used = {file.run for one in stages for file in one.files}
    runs = {run.info.run_id: describe(run, recorded, known) for run in recorded if run.info.run_id in used}
    shown = store.shown(store.uri())
    return Provenance(moment(datetime.now(UTC)), shown, [one for one in stages if one.files], runs, total(runs))


def results(one: dag.Stage, key: str, recorded: Sequence[Any], locked: dict[str, str], reports: Path) -> list[File]:
    """What stands there of a stage's results, each with the run that made it."""
    found = {out: lineage.md5(Path(out)) if dag.within(out, str(reports)) else locked.get(out) for out in one.outs}
    return [
        File(out, md5, *maker(out, md5, key if locked.get(out, md5) == md5 else "", recorded))
        for out, md5 in found.items()
        if md5
    ]


def maker(path: str, md5: str, key: str, recorded: Sequence[Any]) -> tuple[str | None, str | None]:
    """The run that made a result, and how it was found.

    Of the runs that noted these bytes, one from the same inputs comes first. One that noted none, for they were
    many or it was an earlier version of this project, is known by its inputs.

    Args:
        path: of the result.
        md5: of its bytes.
        key: of the stage's inputs (`lineage.key`); empty if the bytes are not those that they gave.
        recorded: all runs, newest first.
    """
    noted = store.legal(f"{store.OUTPUT}{path}")
    ended = [run for run in recorded if run.info.status == ENDED]
    same = [run for run in ended if run.data.tags.get(noted) == md5]
    from_key = [run for run in ended if key and run.data.tags.get(store.KEY) == key]
    for run in [*(one for one in same if one in from_key), *same]:
        return run.info.run_id, CONTENT
    for run in from_key:
        if noted not in run.data.tags:
            return run.info.run_id, INPUTS
    return None, None


def describe(run: Any, recorded: Sequence[Any], known: store.Store | None) -> Run:
    """What is known of a run."""
    tags, metrics = run.data.tags, run.data.metrics
    lasted = seconds(run)
    return Run(
        url=known.page(run.info.run_id) if known else None,
        started=moment(datetime.fromtimestamp(run.info.start_time / 1000, UTC)),
        seconds=lasted,
        cpu_seconds=metrics.get("cpu_seconds"),
        gpu_seconds=metrics["gpus"] * lasted if "gpus" in metrics else None,
        lost_seconds=lost_before(run, recorded),
        words_per_second=speed(run, known),
        commit=tags.get(store.COMMIT),
        command=run.data.params.get("command", ""),
        parameters={name: value for name, value in sorted(run.data.params.items()) if name != "command"},
        versions=beginning(store.VERSION, tags),
        hardware=beginning(store.HARDWARE, tags),
    )


def speed(run: Any, known: store.Store | None) -> float | None:
    """The median of the words a second that a run told as it went."""
    told = known.history(run.info.run_id, SPEED) if known and SPEED in run.data.metrics else []
    return statistics.median(told) if told else None


def seconds(run: Any) -> float:
    """How long a run lasted; one that nobody ended is not counted."""
    start, end = int(run.info.start_time), run.info.end_time
    return 0.0 if end is None else (int(end) - start) / 1000


def lost_before(run: Any, recorded: Sequence[Any]) -> float:
    """How long earlier attempts lasted that had the same inputs and came to nothing, or to a checkpoint."""
    key = run.data.tags.get(store.KEY)
    return sum(
        seconds(one)
        for one in recorded
        if key and one.data.tags.get(store.KEY) == key and one.info.status in ("KILLED", "FAILED")
        if one.info.start_time < run.info.start_time
    )


def beginning(prefix: str, tags: dict[str, str]) -> dict[str, str]:
    """The tags of one kind, without what their names begin with."""
    return {name.removeprefix(prefix): value for name, value in sorted(tags.items()) if name.startswith(prefix)}


def total(runs: dict[str, Run]) -> Total:
    """The sums over all runs."""
    every = runs.values()
    return Total(
        runs=len(runs),
        seconds=sum(one.seconds for one in every),
        cpu_seconds=sum(one.cpu_seconds or 0.0 for one in every),
        gpu_seconds=sum(one.gpu_seconds or 0.0 for one in every),
        lost_seconds=sum(one.lost_seconds for one in every),
        without_cost=sum(one.cpu_seconds is None for one in every),
    )


def moment(time: datetime) -> str:
    """A time of day as ISO 8601 writes it, in UTC to the second."""
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


if __name__ == "__main__":
    stage.program(main)
