"""Facts that a stage sends at its start and end: origin, parameters, and digests of what it reads and writes."""

import getpass
import hashlib
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline import dag
from pipeline.parameters import reading
from pipeline.tracking import address, declared, lineage, machine
from pipeline.tracking.names import COMMIT, DIRTY, HARDWARE, USER

EXPERIMENT = "seq2seq"
"""Experiment where params.yaml names none, because a stage reports wrong parameters itself."""
KEPT_SUFFIXES = {".json", ".csv", ".svg", ".png", ".html"}
"""Suffixes of declared outputs that become artifacts."""
KEPT_BYTES = 5_000_000
"""Largest artifact."""


def start(name: str, command: str, time: int) -> tuple[dict[str, Any], dag.Stage | None]:
    """Return all that is known when a stage starts, and the stage as dvc.yaml declares it.

    Args:
        name: of the stage.
        command: as a person would type it.
        time: milliseconds since 1970.
    """
    values, (commit, is_dirty) = parameters(), checkout()
    facts = {
        "stage": name,
        "command": command,
        "time": time,
        "cwd": str(Path.cwd()),
        "process": machine.process(),
        "store": address.shown(address.uri()),
        "experiment": experiment(values),
        "group": group(commit),
        "tags": origin(command) | ({DIRTY: "true"} if is_dirty else {}),
        "params": {},
        "inputs": {},
    }
    stage = None
    with suppress(Exception):  # whatever is wrong with dvc.yaml or params.yaml, the stage runs as DVC started it
        every = declared.stages(values) if "DVC_STAGE" in os.environ else []
        stage = next((stage for stage in every if stage.name == name), None)
        if stage:
            digests = lineage.digests(stage, every)
            facts |= {"params": stage.params, "inputs": digests, "key": lineage.key(stage, digests)}
    return facts, stage


def outputs(stage: dag.Stage) -> tuple[dict[str, str], list[Path]]:
    """Return the md5 of each output of a stage, and its small reports and figures, which become artifacts."""
    digests = {out: digest for out in stage.outs if (digest := lineage.content(Path(out)))}
    files = [Path(out) for out in stage.outs if Path(out).suffix in KEPT_SUFFIXES and Path(out).is_file()]
    return digests, [path for path in files if path.stat().st_size <= KEPT_BYTES]


def parameters() -> dict[str, Any]:
    """Return the values of the parameter file, valid or not; {} if it cannot be read."""
    with suppress(Exception):  # beside its own errors, ruamel.yaml passes on those of int(), datetime() and others
        return declared.read(reading.PATH)
    return {}


def experiment(values: dict[str, Any]) -> str:
    """Return the experiment that params.yaml names, or a default."""
    for name in declared.at(values, "operation.experiment"):
        return name if isinstance(name, str) else EXPERIMENT
    return EXPERIMENT


def group(commit: str) -> dict[str, str]:
    """Return the tags that all runs of one pipeline share."""
    tags = {
        "params_sha256": params_sha256(),
        COMMIT: commit,
        "dvc_experiment": os.environ.get("DVC_EXP_NAME", ""),
        "dvc_baseline": os.environ.get("DVC_EXP_BASELINE_REV", ""),
    }
    return {name: value for name, value in tags.items() if value}


def params_sha256() -> str:
    """Return the hash of params.yaml with its comments."""
    with suppress(OSError):
        return hashlib.sha256(reading.PATH.read_bytes()).hexdigest()
    return "none"


def checkout() -> tuple[str, bool]:
    """Return the git commit of the checkout, or "" where there is none, and True if tracked files differ from it.

    dvc.lock is left out, because a run writes it; parameters have a hash of their own.
    """
    command = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = subprocess.run([*command, "--", ".", ":!dvc.lock"], capture_output=True, check=False)
    except FileNotFoundError:
        return "", False
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    commits = [line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")]
    is_dirty = any(not line.startswith("#") for line in lines)
    return ("" if commits in ([], ["(initial)"]) else commits[0]), is_dirty


def origin(command: str) -> dict[str, str]:
    """Return tags of a run's origin: command, user and machine."""
    tags = {f"{HARDWARE}{name}": value for name, value in machine.machine().items()}
    return tags | {"mlflow.source.name": command, USER: user()}


def user() -> str:
    """Return the name of the person who runs this process, or the number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
