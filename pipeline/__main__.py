"""Commands for daily work: check params.yaml, take a preset, plan a run, show the results."""

import json
import runpy
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline import dag, leftovers
from pipeline.parameters import presets, reading
from pipeline.sources import catalog
from pipeline.tracking import lineage
from pipeline.tracking import run as tracking
from s2s import files, program
from s2s.errors import reading as reading_file

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__, no_args_is_help=True)
VALID = f"{reading.PATH} is valid\n"
PAGE = Path("reports/index.html")


@app.command()
def check(
    out: Annotated[Path | None, typer.Option(help="file to write when all is well; a DVC stage's output")] = None,
    declared: Annotated[
        Path | None, typer.Option(help="file for the names of all outputs; those that it named before are removed")
    ] = None,
) -> None:
    """Check params.yaml: every key known, every value in range.

    Print one line and exit with code 2 if not.
    """
    if out is None:
        check_all()
    else:
        with tracking.run():
            check_all()
            if declared:
                remove_leftovers(declared)
            files.write_text(out, VALID)
    typer.echo(VALID, nl=False)


def check_all() -> None:
    """Read params.yaml and check that its source of text exists."""
    source = reading.read().download.source
    if source not in catalog.MADE_HERE:
        catalog.find(source)


def remove_leftovers(declared: Path) -> None:
    """Remove what earlier parameters left in folders of outputs and in dvc.lock, and write the names of all outputs.

    Stages that gather depend on whole folders, so the same parameters give the same dvc.lock only without leftovers.
    """
    every = dag.stages()
    outs = [out for stage in every for out in stage.outs]
    for path in leftovers.find(outs, declared):
        leftovers.remove(path)
        typer.echo(f"removed {path}: params.yaml no longer names it; DVC's cache keeps what was finished")
    dag.forget({stage.name for stage in every})
    files.write_text(declared, "".join(f"{out}\n" for out in outs))


@app.command()
def preset(name: Annotated[str | None, typer.Argument(help="a file of presets/, without .yaml")] = None) -> None:
    """Replace params.yaml by a preset and print the changes.

    Without a name, list the presets.
    """
    if name is None:
        for listed, comment in presets.names().items():
            typer.echo(f"{listed:14} {comment}")
        return
    changes = presets.lay(name)
    for line in changes or ["nothing: params.yaml holds these values already"]:
        typer.echo(line)


@app.command()
def summary() -> None:
    """Print the headline numbers of the last run and the path of the page."""
    parameters = reading.read()
    for run, score in read(Path("reports/bleu.json"), parameters.runs).items():
        typer.echo(
            f"{run:14} BLEU {score['bleu']:5.1f}  ({score['bleu_low']:.1f} to {score['bleu_high']:.1f}),", nl=False
        )
        typer.echo(f" {score['seeds']} x {score['system']}, beam {score['beam']}")
    for rescoring in parameters.rescorings:
        for choices in read(Path(f"reports/rescore/{rescoring}.json"), ["choices"]).values():
            scores = ", ".join(f"{name} {choices[name]['bleu']:.1f}" for name in ("first", "even", "tuned", "oracle"))
            typer.echo(f"{rescoring:14} rescored: {scores}")
    for model, splits in read(Path("reports/perplexity.json"), parameters.models).items():
        perplexities = ", ".join(f"{split} {values['perplexity']:.2f}" for split, values in splits.items())
        typer.echo(f"{model:14} perplexity {perplexities}")
    recorded = lineage.locked().get(str(PAGE))
    is_stale = recorded and recorded != lineage.md5(PAGE)
    typer.echo(f"The report: {PAGE.absolute()}{' (of other results: `dvc repro` renews it)' if is_stale else ''}")


PROGRAM = {"context_settings": {"ignore_unknown_options": True, "allow_extra_args": True}, "add_help_option": False}
"""Settings of a command that hands its flags on to another module unread."""


@app.command(**PROGRAM)  # type: ignore[arg-type]
def provenance(context: typer.Context) -> None:
    """Write the MLflow run of each result, its time and its machine, for the page to show."""
    hand_over("pipeline.tracking.provenance", context.args)


@app.command(**PROGRAM)  # type: ignore[arg-type]
def track(context: typer.Context) -> None:
    """Deliver to MLflow what stages recorded while it did not answer."""
    hand_over("pipeline.tracking.track", context.args)


@app.command(**PROGRAM)  # type: ignore[arg-type]
def sweep(context: typer.Context) -> None:
    """Add to params.yaml a system for each combination of values, such as layers=1,2,3,4 cell=lstm,gru."""
    hand_over("pipeline.commands.sweep", context.args)


@app.command(**PROGRAM)  # type: ignore[arg-type]
def schema(context: typer.Context) -> None:
    """Write params.schema.json, by which editors complete and check params.yaml."""
    hand_over("pipeline.parameters.schema", context.args)


@app.command(**PROGRAM)  # type: ignore[arg-type]
def plan(context: typer.Context) -> None:
    """Print the stages that would run now, with the expected time and disk space."""
    hand_over("pipeline.commands.plan", context.args)


@app.command(**PROGRAM)  # type: ignore[arg-type]
def doctor(context: typer.Context) -> None:
    """Find damaged files, stale locks and leftovers of killed runs, and mend them."""
    hand_over("pipeline.commands.doctor", context.args)


def hand_over(module: str, arguments: Sequence[str]) -> None:
    """Run a module by its name.

    An import would make its code a dependency of `check` and so of every stage.
    """
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def read(path: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the entries of a report that have some names; others are those of earlier parameters."""
    with reading_file(path, "the result of `dvc repro`"):
        report = json.loads(path.read_text(encoding="utf-8"))
        return {name: report[name] for name in names if name in report}


if __name__ == "__main__":
    program.run(app)
