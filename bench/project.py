"""A project folder for a benchmark: the parameters of a preset, and programs that run in the folder."""

import os
import sys
from pathlib import Path

from bench.footprint import Footprint, run
from pipeline.workers import WORKERS

ROOT = Path(__file__).parent.parent
STAGES = {
    "download": "pipeline.stages.download --out data/raw",
    "clean": "pipeline.stages.clean --raw data/raw --out data/clean --report reports/cleaning.json "
    "--table reports/cleaning.csv",
    "vocab": "pipeline.stages.vocab --vocabulary base --clean data/clean --out data/vocab --report reports/vocab.json",
    "encode": "pipeline.stages.encode --clean data/clean --vocab data/vocab --out data/encoded "
    "--report reports/encoding.json",
}
"""The stages before training, as modules with their flags."""


def link_inputs(project: Path) -> None:
    """Link the repository's presets and probes, which parameter files name, into a project folder."""
    for name in ("presets", "probes"):
        (project / name).symlink_to(ROOT / name)


def write_preset(name: str, project: Path) -> None:
    """Write params.yaml of a preset into a project folder with linked inputs."""
    environment = {"PYTHONPATH": str(ROOT)}
    run([sys.executable, "-m", "pipeline", "preset", name], project, environment, Path(os.devnull))


def run_module(line: str, project: Path, workers: int | None = None, mirrors: str | None = None) -> Footprint:
    """Run a module of ours with its flags in a project folder, without tracking, and return its cost.

    Args:
        line: module and flags, as in `STAGES`.
        project: the folder.
        workers: processes of a stage; by default the stage decides.
        mirrors: folders or addresses to look for files first; by default those of this process's environment.
    """
    environment = {"PYTHONPATH": str(ROOT), "S2S_TRACKING": "off"}
    if mirrors is not None:
        environment["S2S_MIRRORS"] = mirrors
    if workers is not None:
        environment[WORKERS] = str(workers)
    return run([sys.executable, "-m", *line.split()], project, environment)
