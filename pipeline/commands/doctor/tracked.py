"""Faults of MLflow's database, and records of stages that did not arrive there."""

import errno
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from pipeline.commands.doctor.findings import Finding
from pipeline.commands.doctor.processes import at_work
from pipeline.commands.doctor.repository import shown
from pipeline.tracking import address, machine, names, outbox, store
from s2s import files

DELIVERY_SECONDS = 120.0
RUNNING = f"""
SELECT experiments.name, runs.name, tags.key, tags.value, sender.value FROM runs
JOIN experiments ON experiments.experiment_id = runs.experiment_id AND experiments.lifecycle_stage = 'active'
JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key IN ('{names.PROCESS}', '{names.PIPELINE}')
LEFT JOIN tags AS sender ON sender.run_uuid = runs.run_uuid AND sender.key = '{names.SENDER}'
WHERE runs.status = 'RUNNING' AND runs.lifecycle_stage = 'active' AND NOT EXISTS (
    SELECT 1 FROM tags AS child JOIN runs AS below ON below.run_uuid = child.run_uuid
    WHERE child.key = '{names.PARENT}' AND child.value = runs.run_uuid AND below.status = 'RUNNING')
ORDER BY runs.start_time
"""
"""Experiment, name and process or pipeline of the runs that are RUNNING, with none RUNNING below them."""


def damaged_database() -> Iterator[Finding]:
    """Find a database that SQLite cannot read; of a server's, nothing is known here."""
    file = address.database()
    if file and file.is_file() and (fault := fault_of_database(file)):
        aside = file.with_name(f"{file.name}.damaged")
        cure = f"moved to {aside.name}: MLflow begins a new one"
        yield Finding(shown(file), f"a damaged database ({fault})", cure, partial(file.replace, aside))


def fault_of_database(file: Path) -> str:
    """Return the reason why SQLite cannot read a database, or ""."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=20)) as connection:
            ((verdict,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.OperationalError:  # another process writes it, or was killed, and SQLite takes that back by itself
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if verdict == "ok" else str(verdict)


def damaged_records() -> Iterator[Finding]:
    """Find records of stages that the recorder cannot read."""
    for run in outbox.runs():
        try:
            start = json.loads((run / outbox.START).read_bytes())
            is_whole = isinstance(start, dict) and {"process", "store"} <= start.keys()
        except (OSError, ValueError):
            is_whole = False
        if not is_whole:
            yield Finding(shown(run), "a damaged record of a stage", "removed", partial(files.remove, run))


def waiting_records() -> Iterator[Finding]:
    """Find records of stages that have ended and did not arrive in MLflow."""
    if any(damaged_records()):
        return
    if waiting := outbox.over():
        fault = f"{len(waiting)} runs of stages that wait for MLflow"
        yield Finding(shown(outbox.folder()), fault, "delivered", deliver)


def deliver() -> None:
    """Deliver what waits, or raise an OSError."""
    if outbox.settle(DELIVERY_SECONDS):
        raise OSError(errno.ETIMEDOUT, outbox.trouble())


def dead_runs() -> Iterator[Finding]:
    """Find runs that are RUNNING in MLflow though their process, or all that ran below them, has ended."""
    file = address.database()
    if file is None or not file.is_file() or fault_of_database(file):
        return
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=20)) as connection:
            rows = connection.execute(RUNNING).fetchall()
    except sqlite3.OperationalError:  # it has no tables yet, or is in use
        return
    waiting = [run.name for run in outbox.runs()]
    dead: dict[str, list[str]] = defaultdict(list)
    for experiment, name, key, value, sender in rows:
        if sender not in waiting and (machine.is_dead(value) if key == names.PROCESS else not waiting):
            dead[experiment].append(name)
    for experiment, members in dead.items():
        if not at_work():
            fault = f"{len(members)} runs RUNNING that have ended, such as {members[0]}"
            yield Finding(shown(file), fault, "marked with their end", partial(sweep, experiment, waiting))


def sweep(experiment: str, waiting: list[str]) -> None:
    """Mark the ended runs of an experiment."""
    with store.answering(""):
        store.Store(experiment).sweep(waiting)
