"""Spans a grid of systems in params.yaml: each combination of some values, its models, and a run of each."""

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline import parameter_file, parameters
from pipeline.parameters import Model, Parameters, Run, Section, Train, Vocab
from s2s import files, program
from s2s.errors import UserError, check

SECTIONS: dict[str, type[Section]] = {"vocab": Vocab, "model": Model, "train": Train}
KEYS = {key: section for section, kind in SECTIONS.items() for key in kind.model_fields}
PLACE = "sweep"
Point = dict[str, Any]  # a value of each key of the grid, `model.layers` written as `layers`


@dataclass
class Additions:
    """What a sweep adds to params.yaml, by section, and what it finds there."""

    vocabularies: dict[str, Any] = field(default_factory=dict)
    systems: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, Any] = field(default_factory=dict)
    there: dict[str, str] = field(default_factory=dict)
    """Names of the grid, and of the systems that are there already and are the same."""

    def sections(self) -> dict[str, dict[str, Any]]:
        """Those that something is added to."""
        names = ("vocabularies", "systems", "models", "runs")
        return {name: entries for name in names if (entries := getattr(self, name))}


def main(
    grid: Annotated[
        list[str],
        typer.Argument(help="keys of `vocab`, `model` and `train` with values: layers=1,2,3,4 kind=words,bpe"),
    ],
    seeds: Annotated[
        str, typer.Option(help="that each system is trained from, such as 1,2; the first of the base")
    ] = "",
    base: Annotated[str, typer.Option(help="system whose other changes are kept; ablations.base")] = "",
    beam: Annotated[int | None, typer.Option(help="of the runs; that of the base's first run")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what would be added")] = False,
) -> None:
    """Adds to params.yaml a system for each combination of values, its models, and a run: what is there is kept.

    `python -m pipeline plan` then says what that takes, `dvc repro` or `snakemake` runs it.
    """
    found = parameters.read()
    text = parameters.read_text(parameters.PATH)
    additions = span(found, read_grid(grid), base or default_base(found), read_seeds(seeds), beam)
    for section, entries in additions.sections().items():
        text = parameter_file.insert(text, section, entries)
    parameters.parse(text, PLACE)
    for line in told(additions):
        typer.echo(line)
    if additions.sections() and not dry_run:
        files.write_text(parameters.PATH, text)
    typer.echo(end(additions, dry_run))


def default_base(found: Parameters) -> str:
    """The system that the others are compared with."""
    return found.ablations.base


def read_grid(assignments: Sequence[str]) -> dict[str, list[Any]]:
    """Keys with their values, in the order given."""
    grid: dict[str, list[Any]] = {}
    for assignment in assignments:
        name, equals, values = assignment.partition("=")
        check(equals and values, f"{PLACE}: found {assignment!r}; expected a key and values such as layers=1,2,3,4")
        key = known_key(name)
        check(key not in grid, f"{PLACE}: found {key} twice; expected all its values behind one =")
        grid[key] = list(dict.fromkeys(read_value(key, value) for value in values.split(",")))
    return grid


def known_key(name: str) -> str:
    """A key of the sections that a system may change, also where its section is named: `model.layers` is `layers`."""
    section, dot, key = name.rpartition(".")
    if KEYS.get(key) and (not dot or KEYS[key] == section):
        return key
    if section in Parameters.model_fields and section not in SECTIONS:
        raise UserError(
            f"{PLACE}: found {name}; expected a key of {', '.join(SECTIONS)}: section {section} is one for "
            f"all systems, `dvc exp run -S '{name}=...'` tries others"
        )
    near = difflib.get_close_matches(key, list(KEYS), n=1)
    raise UserError(
        f"{PLACE}: unknown key {name}; "
        + (f"did you mean {near[0]}?" if near else f"expected one of {', '.join(KEYS)}")
    )


def read_value(key: str, text: str) -> Any:
    """Return a value as params.yaml would have it; text that is not YAML stays text, for the key's type to refuse."""
    try:
        value = parameters.load(text, key)
    except UserError:
        value = text
    check(
        not isinstance(value, dict | list),
        f"{PLACE}: {key}: found {text!r}; expected single values with commas between",
    )
    return value


def read_seeds(text: str) -> list[int]:
    """Seeds with commas between."""
    try:
        return list(dict.fromkeys(int(one) for one in text.split(","))) if text else []
    except ValueError:
        raise UserError(f"--seeds: found {text!r}; expected numbers such as 1,2") from None


def span(
    found: Parameters, grid: Mapping[str, Sequence[Any]], base: str, seeds: list[int], beam: int | None
) -> Additions:
    """All that is to be added for a grid around a base system."""
    check(base in found.systems, f"--base: found {base!r}; expected one of {', '.join(found.systems)}")
    seeds, spoken = seeds or found.seeds(base)[:1] or [1], base if found.seeds(base) else default_base(found)
    additions = Additions()
    for values in itertools.product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        vocabulary = add_vocabulary(found, additions, found.vocabulary_of(spoken), part(point, "vocab"))
        system = add_system(found, additions, base, point, vocabulary)
        add_models(found, additions, system, seeds, vocabulary)
        add_run(found, additions, system, template(found, base, beam))
    return additions


def part(point: Point, section: str) -> Point:
    """The part of a point that belongs to a section."""
    return {key: value for key, value in point.items() if KEYS[key] == section}


def add_vocabulary(found: Parameters, additions: Additions, base: str, point: Point) -> str:
    """Adds the vocabulary of a point of the grid, unless one that is the same is there; returns its name."""
    if not point:
        return base
    name = name_of(point, "" if base == found.vocabulary_of(default_base(found)) else base)
    changes = {**found.vocabularies[base], **point}
    there = found.model_copy(update={"vocabularies": {**found.vocabularies, **additions.vocabularies}})
    trial = found.model_copy(update={"vocabularies": {name: changes}})
    parameters.check_changes(lambda: trial.vocabulary(name), f"{PLACE}: vocabularies.{name}")
    for other in there.vocabularies:
        if there.vocabulary(other) == trial.vocabulary(name):
            return other
    check(
        name not in there.vocabularies,
        f"{PLACE}: found vocabularies.{name} with other changes; expected another name for it",
    )
    additions.vocabularies[name] = changes
    return name


def add_system(found: Parameters, additions: Additions, base: str, point: Point, vocabulary: str) -> str:
    """Adds the system of a point of the grid, unless one that is the same is there; returns its name."""
    name = name_of(point, "" if base == default_base(found) else base)
    changes = overlaid(found.systems[base], point)
    trial = found.model_copy(update={"systems": {name: changes}})
    parameters.check_changes(lambda: trial.system(name), f"{PLACE}: systems.{name}")
    for other in found.systems:
        speaks = found.vocabulary_of(other) if found.seeds(other) else vocabulary
        if found.system(other) == trial.system(name) and speaks == vocabulary:
            additions.there[name] = other
            return other
    check(name not in found.systems, f"{PLACE}: found systems.{name} with other changes; expected another name for it")
    check(
        name not in additions.systems,
        f"{PLACE}: found two systems named {name}; expected values that differ in letters",
    )
    additions.systems[name] = changes
    return name


def name_of(point: Point, base: str) -> str:
    """Such as `layers-3` or `layers-3-cell-gru`."""
    parts = [base] * bool(base) + [f"{key}-{value}" for key, value in point.items()]
    return re.sub(r"[^a-z0-9_-]+", "_", "-".join(parts).lower())


def overlaid(changes: Mapping[Any, Mapping[str, Any]], point: Point) -> dict[str, dict[str, Any]]:
    """A system's changes with those of a point laid over them; its models have the vocabulary."""
    whole = {section: {**changes.get(section, {}), **part(point, section)} for section in ("model", "train")}
    return {section: values for section, values in whole.items() if values}


def add_models(found: Parameters, additions: Additions, system: str, seeds: Sequence[int], vocabulary: str) -> None:
    """Adds the models of a system that lack."""
    for seed in seeds:
        if (name := f"{system}-{seed}") not in found.models:
            additions.models[name] = {"system": system, "seed": seed, "vocabulary": vocabulary}


def template(found: Parameters, base: str, beam: int | None) -> Run:
    """How all systems are translated: as the base's first run by a single model, or else its first run."""
    runs = [run for run in found.runs.values() if run.system == base]
    single = min(runs, key=lambda run: run.seeds > 1, default=Run(system=base, seeds=1, beam=1))
    return single.model_copy(update={"seeds": 1} | ({} if beam is None else {"beam": beam}))


def add_run(found: Parameters, additions: Additions, system: str, like: Run) -> None:
    """Adds a run of a system, unless there is one that is the same."""
    run = like.model_copy(update={"system": system})
    if run in found.runs.values():
        return
    taken = found.runs.keys() | additions.runs.keys()
    free = [name for name in (system, f"{system}-beam{run.beam}") if name not in taken]
    check(free, f"{PLACE}: found other runs named {system} and {system}-beam{run.beam}; expected one of these free")
    additions.runs[free[0]] = run.model_dump(exclude_defaults=True)


def told(additions: Additions) -> Iterator[str]:
    """What is added, as params.yaml has it, and what is not."""
    for section, entries in additions.sections().items():
        yield f"{section}:"
        yield from (f"  {parameter_file.entry(name, value)}" for name, value in entries.items())
    for name, other in additions.there.items():
        yield f"{name}: there already" + (f", as {other}" if other != name else "")


def end(additions: Additions, dry_run: bool) -> str:
    """What came of it."""
    if not additions.sections():
        return f"nothing to add: {parameters.PATH} holds all of it"
    if dry_run:
        return f"nothing written: this would be added to {parameters.PATH}"
    return f"added to {Path(parameters.PATH)}; `python -m pipeline plan` says what that would run"


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    program.run(app)
