"""The MLflow run of each result and its cost: reports/provenance.js, which the page shows.

This is a command and a part of the recorder, no stage, because times and ids differ between runs with equal results.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import dag
from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.tracking import address, lineage, names, outbox, store
from s2s import files

SPEED = "words_per_second"  # metric of trainings: source and target together
WAIT_SECONDS = 30.0  # for runs that ended just now
ENDED, CONTENT, INPUTS = "FINISHED", "content", "inputs"


@dataclass(frozen=True)
class File:
    """A result: a file, or a folder that is one output of DVC."""

    path: str
    md5: str  # as in dvc.lock; that of a folder ends in `.dir`
    run: str | None  # id of the newest run that made it
    found_by: str | None
    """`content` if the run recorded this md5, `inputs` if it had the same inputs and command."""


@dataclass(frozen=True)
class Stage:
    """A stage with those of its results that exist."""

    name: str
    files: list[File]


@dataclass(frozen=True)
class Run:
    """A run of a stage.

    Processor and GPU seconds are None if an older version of this project recorded the run.
    """

    url: str | None  # page of the run, if MLflow has a server
    started: str
    seconds: float
    cpu_seconds: float | None
    gpu_seconds: float | None
    lost_seconds: float  # sum over killed and failed attempts with the same inputs
    words_per_second: float | None  # median over a training
    commit: str | None
    command: str
    parameters: dict[str, str]
    versions: dict[str, str]
    hardware: dict[str, str]


@dataclass(frozen=True)
class Total:
    """The sums over all runs that made existing results.

    Unknown processor times count as 0.
    """

    runs: int
    seconds: float
    cpu_seconds: float
    gpu_seconds: float
    lost_seconds: float
    without_cost: int  # runs with unknown processor time


@dataclass(frozen=True)
class Provenance:
    """The content of provenance.js."""

    written: str
    store: str
    stages: list[Stage]
    runs: dict[str, Run]
    total: Total


def main(reports: Path = Path("reports")) -> None:
    """Write the MLflow run of each result and its cost to provenance.js, which the page shows.

    Runs that ended just now are waited for.

    Args:
        reports: folder of the page.
    """
    experiment = read().operation.experiment
    outbox.settle(WAIT_SECONDS)
    with store.answering(""):
        provenance = gather(dag.stages(), experiment, reports)
    write(reports, provenance)
    results = [file for stage in provenance.stages for file in stage.files]
    count = sum(file.run is not None for file in results)
    print(f"{reports / 'provenance.js'}: {count} of {len(results)} results have a run in {provenance.store}")


def write(reports: Path, provenance: Provenance) -> None:
    """Write provenance.js: a script, because pages opened from disk cannot load JSON.

    JSON follows the first line.
    """
    files.write_text(reports / "provenance.js", f"window.provenance =\n{files.to_json(asdict(provenance))}\n")


def gather(every: Sequence[dag.Stage], experiment: str, reports: Path = Path("reports")) -> Provenance:
    """Find the run of each existing result.

    Args:
        every: the stages of dvc.yaml.
        experiment: MLflow's experiment.
        reports: folder whose files are hashed; digests of other files are taken from dvc.lock.
    """
    mlflow = store.Store.find(experiment)
    recorded: list[Any] = mlflow.search(None, {}) if mlflow else []
    lock = lineage.locked()
    keys = {stage.name: lineage.key(stage, lineage.digests(stage, every, patience_seconds=0.0)) for stage in every}
    stages = [Stage(stage.name, results(stage, keys[stage.name], recorded, lock, reports)) for stage in every]
    makers = {file.run for stage in stages for file in stage.files}
    runs = {run.info.run_id: describe(run, recorded, mlflow) for run in recorded if run.info.run_id in makers}
    place = address.shown(address.uri())
    return Provenance(moment(datetime.now(UTC)), place, [stage for stage in stages if stage.files], runs, total(runs))


def results(stage: dag.Stage, key: str, recorded: Sequence[Any], lock: dict[str, str], reports: Path) -> list[File]:
    """Return a stage's existing results, each with the run that made it."""
    digests = {out: lineage.md5(Path(out)) if dag.within(out, str(reports)) else lock.get(out) for out in stage.outs}
    return [
        File(out, md5, *maker(out, md5, key if lock.get(out, md5) == md5 else "", recorded))
        for out, md5 in digests.items()
        if md5
    ]


def maker(path: str, md5: str, key: str, recorded: Sequence[Any]) -> tuple[str | None, str | None]:
    """Return the id of the run that made a result, and how it was found.

    Runs that recorded the result's md5 come first, among them those with the same inputs. A run that recorded no md5,
    because the output was too large or the project's version too old, is found by its inputs.

    Args:
        path: path of the result.
        md5: digest of the result.
        key: key of the stage's inputs (`lineage.key`); "" if dvc.lock has another digest for the result.
        recorded: all runs, newest first.
    """
    tag = names.legal(f"{names.OUTPUT}{path}")
    ended = [run for run in recorded if run.info.status == ENDED]
    same_content = [run for run in ended if run.data.tags.get(tag) == md5]
    same_inputs = [run for run in ended if key and run.data.tags.get(names.KEY) == key]
    for run in [*(run for run in same_content if run in same_inputs), *same_content]:
        return run.info.run_id, CONTENT
    for run in same_inputs:
        if tag not in run.data.tags:
            return run.info.run_id, INPUTS
    return None, None


def describe(run: Any, recorded: Sequence[Any], mlflow: store.Store | None) -> Run:
    """Return cost, origin and parameters of a run."""
    tags, metrics = run.data.tags, run.data.metrics
    duration = seconds(run)
    return Run(
        url=mlflow.page(run.info.run_id) if mlflow else None,
        started=moment(datetime.fromtimestamp(run.info.start_time / 1000, UTC)),
        seconds=duration,
        cpu_seconds=metrics.get("cpu_seconds"),
        gpu_seconds=metrics["gpus"] * duration if "gpus" in metrics else None,
        lost_seconds=lost_before(run, recorded),
        words_per_second=speed(run, mlflow),
        commit=tags.get(names.COMMIT),
        command=run.data.params.get("command", ""),
        parameters={name: value for name, value in sorted(run.data.params.items()) if name != "command"},
        versions=beginning(names.VERSION, tags),
        hardware=beginning(names.HARDWARE, tags),
    )


def speed(run: Any, mlflow: store.Store | None) -> float | None:
    """Return the median of the words per second that a run recorded."""
    speeds = mlflow.history(run.info.run_id, SPEED) if mlflow and SPEED in run.data.metrics else []
    return statistics.median(speeds) if speeds else None


def seconds(run: Any) -> float:
    """Return the duration of a run, 0 if it has no end."""
    start, end = int(run.info.start_time), run.info.end_time
    return 0.0 if end is None else (int(end) - start) / 1000


def lost_before(run: Any, recorded: Sequence[Any]) -> float:
    """Return the seconds of earlier attempts with the same inputs that were killed or failed."""
    key = run.data.tags.get(names.KEY)
    return sum(
        seconds(attempt)
        for attempt in recorded
        if key and attempt.data.tags.get(names.KEY) == key and attempt.info.status in ("KILLED", "FAILED")
        if attempt.info.start_time < run.info.start_time
    )


def beginning(prefix: str, tags: dict[str, str]) -> dict[str, str]:
    """Return the tags whose names have a prefix, without the prefix."""
    return {name.removeprefix(prefix): value for name, value in sorted(tags.items()) if name.startswith(prefix)}


def total(runs: dict[str, Run]) -> Total:
    """Return the sums over all runs."""
    every = runs.values()
    return Total(
        runs=len(runs),
        seconds=sum(run.seconds for run in every),
        cpu_seconds=sum(run.cpu_seconds or 0.0 for run in every),
        gpu_seconds=sum(run.gpu_seconds or 0.0 for run in every),
        lost_seconds=sum(run.lost_seconds for run in every),
        without_cost=sum(run.cpu_seconds is None for run in every),
    )


def moment(time: datetime) -> str:
    """Format a time by ISO 8601, in UTC to the second."""
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


if __name__ == "__main__":
    program.program(main)
