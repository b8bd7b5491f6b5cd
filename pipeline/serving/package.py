"""Package the models of a run for MLflow, which serves them without this repository, and register the package.

This is a command, not a stage: a package is not reproducible to the byte, because MLflow writes times into it.
"""

import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from pipeline.decoding import LEXICON, check_member, search_settings
from pipeline.parameters.parameters import Parameters
from pipeline.parameters.reading import read
from pipeline.parameters.sections import Translate
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.data.translated import Member, Members
from pipeline.schemas.reports.scores import RunScores
from pipeline.serving import service
from pipeline.tracking import address, delivery, lineage, outbox, store
from pipeline.tracking import facts as tracking_facts
from s2s import files
from s2s.data.corpus import SIDES
from s2s.errors import check
from s2s.inference.search import SearchSettings
from s2s.inference.translator import Translation
from s2s.model import folder as model_folder
from s2s.model.folder import DESCRIPTION, WEIGHTS, Description
from s2s.text.vocabulary import file_of

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("mlflow", "numpy", "pandas", "pyarrow", "sacremoses", "safetensors", "sentencepiece", "torch")
"""Distributions that a package imports."""
EXAMPLES = 2  # test sentences kept in a package as an example of a request
LIKE = service.answer([[Translation("", "", 0.0, 0.0, True, 0)] * 2])  # an answer, for its columns and types
RESERVED = re.compile(r"v\d+|latest", re.IGNORECASE)  # aliases that MLflow reserves


def main(
    run: str,
    out: Path | None = None,
    register: bool = True,
    members: Path = Path("members"),
    clean: Path = Path("data/clean"),
    scores: Path = Path("reports/bleu.json"),
) -> None:
    """Package the models of a run with their vocabularies, and register the package in MLflow.

    Args:
        run: one of `runs:` in params.yaml.
        out: new folder, or an older package to replace; packages/<run> by default.
        register: make the package the newest version of the registered model with the experiment's name.
        members: folder of the files of the members stage.
        clean: folder of clean text, from the clean stage.
        scores: report of the bleu stage; if present, the version's tags have its scores.
    """
    parameters = read()
    check(run in parameters.runs, f"--run: found {run}; expected one of {', '.join(parameters.runs)}")
    out = out or Path("packages") / run
    check(not out.exists() or (out / "MLmodel").is_file(), f"{out}: found no package there; expected one or nothing")
    named, settings = verified(members / f"{run}.json"), parameters.run(run)
    search = search_settings(settings, parameters.runs[run].beam)
    example = read_column(clean / "test.parquet", "source")[:EXAMPLES]
    with staged(named, search) as data, files.whole(out) as beside:
        store.save_package(beside, example, LIKE, asdict(search), **parts(data, settings))
    typer.echo(f"{out}: {len(named.members)} x {parameters.runs[run].system}")
    if register:
        tags = facts(run, named.members, parameters, scores)
        typer.echo(registered(out, parameters.operation.experiment, run, tags))


def verified(members: Path) -> Members:
    """Read the members of a run and check the digests of their files."""
    run = records.read(Members, members)
    for member in run.members:
        model_folder.verified(member.path)
        check_member(member)
    if run.lexicon is not None:
        files.verify(run.lexicon.path, run.lexicon.sha256, LEXICON)
    return run


@contextmanager
def staged(named: Members, search: SearchSettings) -> Iterator[Path]:
    """Yield a folder of all files that `service` reads, as links, because models may have gigabytes."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "translator"
        for member in named.members:
            place = folder / str(member.seed)
            place.mkdir(parents=True)
            kept = [file_of(member.path, side) for side in SIDES]
            for path in (member.path / WEIGHTS, member.path / DESCRIPTION, *kept):
                (place / path.name).symlink_to(path.absolute())
        if named.lexicon is not None:
            (folder / service.LEXICON).symlink_to(named.lexicon.path.absolute())
        service.Settings([str(member.seed) for member in named.members], search).write(folder / service.SETTINGS)
        yield folder


def parts(data: Path, settings: Translate) -> dict[str, Any]:
    """Return the arguments with which MLflow makes the package."""
    return {
        "data_path": str(data),
        "loader_module": "service",
        "code_paths": [str(ROOT / "s2s"), str(ROOT / "pipeline" / "serving" / "service.py")],
        "pip_requirements": requirements(ROOT / "requirements.lock"),
        "model_config": settings.model_dump(include={"device", "threads", "batch_sentences"}),
    }


def requirements(lock: Path) -> list[str]:
    """Return the requirements of a package, in the versions of the lock file."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    versions = dict(line.split("==", 1) for line in lines if "==" in line and not line.startswith("#"))
    return [f"{name}=={versions[name]}" for name in REQUIREMENTS]


def facts(run: str, members: Sequence[Member], parameters: Parameters, scores: Path) -> dict[str, str]:
    """Return tags that identify a version's models, parameters, code and scores."""
    description = Description.read(members[0].path)
    values = {
        "run": run,
        "system": parameters.runs[run].system,
        "beam": str(parameters.runs[run].beam),
        "languages": f"{description.source_language}-{description.target_language}",
        "params_sha256": tracking_facts.params_sha256(),
        "git_commit": tracking_facts.checkout()[0],
        "dvc_lock_md5": lineage.md5(lineage.LOCK) or "",
    }
    values |= {f"model.{member.seed}.sha256": member.sha256 for member in members}
    if scores.is_file():
        score = records.read_named(RunScores, scores, [run])[run]
        values |= {"bleu": f"{score.bleu:.2f}", "bleu_signature": score.bleu_signature}
        values |= {"bleu_interval": f"{score.bleu_low:.2f} to {score.bleu_high:.2f}"}
    return {name: value for name, value in values.items() if value}


def registered(out: Path, experiment: str, run: str, tags: Mapping[str, str]) -> str:
    """Register a package as the newest version of the experiment's model, and return a message with its URI."""
    name = re.sub(r"[/:]", "-", experiment)  # characters that MLflow rejects
    with store.answering():
        mlflow = store.Store(experiment)
        command = shlex.join(["python", "-m", "pipeline.serving.package", *sys.argv[1:]])
        start, _ = tracking_facts.start(f"package@{run}", command, outbox.now())
        tags_of_run = start["tags"] | delivery.versions()
        own, parent = mlflow.begin(start["stage"], start["group"], tags_of_run, start["time"])
        status = "FAILED"
        try:
            alias = f"run-{run}" if RESERVED.fullmatch(run) else run
            version = mlflow.register(own, out, name, alias, tags, describe(tags))
            status = "FINISHED"
        finally:
            mlflow.end(own, parent, status, outbox.now())
    return f"{address.shown(address.uri())}: registered as version {version} of {name}, models:/{name}@{alias}"


def describe(tags: Mapping[str, str]) -> str:
    """Return a version's description, made of its tags."""
    models = sum(name.startswith("model.") for name in tags)
    text = f"Run {tags['run']}: {models} x {tags['system']}, {tags['languages']}, beam {tags['beam']}"
    return f"{text}; BLEU {tags['bleu']} ({tags['bleu_interval']})" if "bleu" in tags else text


if __name__ == "__main__":
    program.program(main)
