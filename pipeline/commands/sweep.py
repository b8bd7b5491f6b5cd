"""Add a grid of systems to params.yaml: a system for each combination of values, its models, and a run of each."""

import difflib
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.parameters import editing, reading, yaml_reader
from pipeline.parameters.parameters import Parameters
from pipeline.parameters.sections import Model, Run, Section, Train, Vocab
from s2s import files, program
from s2s.errors import UserError, check

SECTIONS: dict[str, type[Section]] = {"vocab": Vocab, "model": Model, "train": Train}
KEYS = {key: section for section, kind in SECTIONS.items() for key in kind.model_fields}
PLACE = "sweep"
MOST_MODELS = 1000  # of a grid; DVC takes minutes to read as many stages
Point = dict[str, Any]  # one value for each key of the grid; the key of `model.layers` is `layers`


@dataclass
class Additions:
    """Entries that a sweep adds to params.yaml, by section, and systems of the grid that are there already."""

    vocabularies: dict[str, Any] = field(default_factory=dict)
    systems: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, Any] = field(default_factory=dict)
    there: dict[str, str] = field(default_factory=dict)
    """Names of the grid, each with the name of the system in params.yaml that is the same."""

    def sections(self) -> dict[str, dict[str, Any]]:
        """Return the sections that get entries, with these entries."""
        names = ("vocabularies", "systems", "models", "runs")
        return {name: entries for name in names if (entries := getattr(self, name))}


def main(
    grid: Annotated[
        list[str],
        typer.Argument(help="keys of `vocab`, `model` and `train` with values: layers=1,2,3,4 kind=words,bpe"),
    ],
    seeds: Annotated[
        str, typer.Option(help="to train each system from, such as 1,2; by default the first of the base")
    ] = "",
    base: Annotated[str, typer.Option(help="system whose other changes are kept; by default ablations.base")] = "",
    beam: Annotated[
        int | None, typer.Option(help="beam size of the runs; by default that of the base's first run")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print what would be added and write nothing")] = False,
) -> None:
    """Add to params.yaml a system for each combination of values, its models, and a run; nothing is removed.

    `python -m pipeline plan` then says how long that takes; `dvc repro` or `snakemake` runs it.
    """
    current = reading.read()
    text = reading.read_text(reading.PATH)
    additions = span(current, read_grid(grid), base or default_base(current), read_seeds(seeds), beam)
    for section, entries in additions.sections().items():
        text = editing.insert(text, section, entries)
    reading.parse(text, PLACE)
    for line in told(additions):
        typer.echo(line)
    if additions.sections() and not dry_run:
        files.write_text(reading.PATH, text)
    typer.echo(end(additions, dry_run))


def default_base(current: Parameters) -> str:
    """Return the system that the others are compared with."""
    return current.ablations.base


def read_grid(assignments: Sequence[str]) -> dict[str, list[Any]]:
    """Return the keys of the grid with their values, in the order given."""
    grid: dict[str, list[Any]] = {}
    for assignment in assignments:
        name, equals, values = assignment.partition("=")
        check(equals and values, f"{PLACE}: found {assignment!r}; expected a key and values such as layers=1,2,3,4")
        key = known_key(name)
        check(key not in grid, f"{PLACE}: found {key} twice; expected all its values behind one =")
        grid[key] = list(dict.fromkeys(read_value(key, value) for value in values.split(",")))
    return grid


def known_key(name: str) -> str:
    """Return a key of the sections that a system may change, without its section: `layers` for `model.layers`."""
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
        value = yaml_reader.load(text, key)
    except UserError:
        value = text
    check(
        isinstance(value, str | float | None) or (isinstance(value, int) and abs(value) < 2**63),
        f"{PLACE}: {key}: found {text!r}; expected single values with commas between",
    )
    return value


def read_seeds(text: str) -> list[int]:
    """Return the seeds of a text such as `1,2`."""
    try:
        return list(dict.fromkeys(int(seed) for seed in text.split(","))) if text else []
    except ValueError:
        raise UserError(f"--seeds: found {text!r}; expected numbers such as 1,2") from None


def span(
    current: Parameters, grid: Mapping[str, Sequence[Any]], base: str, seeds: list[int], beam: int | None
) -> Additions:
    """Return the entries to add for a grid around a base system."""
    check(base in current.systems, f"--base: found {base!r}; expected one of {', '.join(current.systems)}")
    vocabulary_owner = base if current.seeds(base) else default_base(current)
    seeds = seeds or current.seeds(base)[:1] or [1]
    count = math.prod(map(len, grid.values())) * len(seeds)
    check(count <= MOST_MODELS, f"{PLACE}: found {count:,} models; expected at most {MOST_MODELS:,}")
    additions = Additions()
    for values in itertools.product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        vocabulary = add_vocabulary(current, additions, current.vocabulary_of(vocabulary_owner), part(point, "vocab"))
        system = add_system(current, additions, base, point, vocabulary)
        add_models(current, additions, system, seeds, vocabulary)
        add_run(current, additions, system, template(current, base, beam))
    return additions


def part(point: Point, section: str) -> Point:
    """Return the values of a point that belong to a section."""
    return {key: value for key, value in point.items() if KEYS[key] == section}


def add_vocabulary(current: Parameters, additions: Additions, base: str, point: Point) -> str:
    """Add the vocabulary of a point of the grid unless there is an equal one, and return its name."""
    if not point:
        return base
    name = name_of(point, "" if base == current.vocabulary_of(default_base(current)) else base)
    changes = {**current.vocabularies[base], **point}
    extended = current.model_copy(update={"vocabularies": {**current.vocabularies, **additions.vocabularies}})
    trial = current.model_copy(update={"vocabularies": {name: changes}})
    reading.check_changes(lambda: trial.vocabulary(name), f"{PLACE}: vocabularies.{name}")
    for existing in extended.vocabularies:
        if extended.vocabulary(existing) == trial.vocabulary(name):
            return existing
    check(
        name not in extended.vocabularies,
        f"{PLACE}: found vocabularies.{name} with other changes; expected another name for it",
    )
    additions.vocabularies[name] = changes
    return name


def add_system(current: Parameters, additions: Additions, base: str, point: Point, vocabulary: str) -> str:
    """Add the system of a point of the grid unless there is an equal one, and return its name."""
    name = name_of(point, "" if base == default_base(current) else base)
    changes = overlaid(current.systems[base], point)
    trial = current.model_copy(update={"systems": {name: changes}})
    reading.check_changes(lambda: trial.system(name), f"{PLACE}: systems.{name}")
    for existing in current.systems:
        has = current.vocabulary_of(existing) if current.seeds(existing) else vocabulary
        if current.system(existing) == trial.system(name) and has == vocabulary:
            additions.there[name] = existing
            return existing
    check(
        name not in current.systems, f"{PLACE}: found systems.{name} with other changes; expected another name for it"
    )
    check(
        name not in additions.systems,
        f"{PLACE}: found two systems named {name}; expected values that differ in letters",
    )
    additions.systems[name] = changes
    return name


def name_of(point: Point, base: str) -> str:
    """Return the name of a point, such as `layers-3` or `layers-3-cell-gru`."""
    parts = [base] * bool(base) + [f"{key}-{value}" for key, value in point.items()]
    return re.sub(r"[^a-z0-9_-]+", "_", "-".join(parts).lower())


def overlaid(changes: Mapping[Any, Mapping[str, Any]], point: Point) -> dict[str, dict[str, Any]]:
    """Return a system's changes of `model` and `train`, updated by those of a point."""
    whole = {section: {**changes.get(section, {}), **part(point, section)} for section in ("model", "train")}
    return {section: values for section, values in whole.items() if values}


def add_models(current: Parameters, additions: Additions, system: str, seeds: Sequence[int], vocabulary: str) -> None:
    """Add the models of a system that are missing."""
    for seed in seeds:
        if (name := f"{system}-{seed}") not in current.models:
            additions.models[name] = {"system": system, "seed": seed, "vocabulary": vocabulary}


def template(current: Parameters, base: str, beam: int | None) -> Run:
    """Return the settings of every run: those of the base's first run by a single model, or else of its first run."""
    runs = [run for run in current.runs.values() if run.system == base]
    single = min(runs, key=lambda run: run.seeds > 1, default=Run(system=base, seeds=1, beam=1))
    return single.model_copy(update={"seeds": 1} | ({} if beam is None else {"beam": beam}))


def add_run(current: Parameters, additions: Additions, system: str, like: Run) -> None:
    """Add a run of a system unless there is an equal one."""
    run = like.model_copy(update={"system": system})
    if run in current.runs.values():
        return
    taken = current.runs.keys() | additions.runs.keys()
    free = [name for name in (system, f"{system}-beam{run.beam}") if name not in taken]
    check(free, f"{PLACE}: found other runs named {system} and {system}-beam{run.beam}; expected one of these free")
    additions.runs[free[0]] = run.model_dump(exclude_defaults=True)


def told(additions: Additions) -> Iterator[str]:
    """Yield the lines that are added, as in params.yaml, and a line for each system that is there already."""
    for section, entries in additions.sections().items():
        yield f"{section}:"
        yield from (f"  {editing.entry(name, value)}" for name, value in entries.items())
    for name, existing in additions.there.items():
        yield f"{name}: there already" + (f", as {existing}" if existing != name else "")


def end(additions: Additions, dry_run: bool) -> str:
    """Return the last line of the output: whether entries were added, and what to do next."""
    if not additions.sections():
        return f"nothing to add: {reading.PATH} holds all of it"
    if dry_run:
        return f"nothing written: this would be added to {reading.PATH}"
    return f"added to {Path(reading.PATH)}; `python -m pipeline plan` says what that would run"


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    program.run(app)
