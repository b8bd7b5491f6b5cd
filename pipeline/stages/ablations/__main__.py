"""Stage `ablations`: compare each system of params.yaml with a base system in parameters, quality and cost."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.figures import ablations
from pipeline.parameters.parameters import Parameters
from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.reports.ablations import Ablation, Ablations, Change, Difference, Value
from pipeline.schemas.reports.text import Encoding
from pipeline.stages.ablations.contrasts import BaseContrasts, measure, sizes
from pipeline.tracking import run as tracking
from s2s.errors import check
from s2s.evaluation.contrast import FEWEST


def main(
    base: str,
    reports: Path,
    models: Path,
    curves: Path,
    translations: Path,
    clean: Path,
    out: Path,
    table: Path,
    figure: Path,
) -> None:
    """Write the differences of each system from the base.

    Args:
        base: the system that the others are compared with.
        reports: folder of the files of the stages that measure.
        models: folder of models, from the train stages.
        curves: folder of learning curves, from the train stages.
        translations: folder of translations, from the translate stages.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        figure: SVG file of the differences to be written, with a PNG file beside it.
    """
    parameters = check_base(base, read())
    contrasts = BaseContrasts(parameters, base, reports, models, translations, clean)

    def ablation(system: str) -> Ablation:
        encoding = records.read(Encoding, reports / "encoding" / f"{parameters.vocabulary_of(system)}.json")
        cost = measure(models, curves, system, parameters.seeds(system), sizes(encoding))
        differences = changes(parameters, system, base), contrasts.perplexities(system), contrasts.bleu(system)
        return Ablation(system, *differences, cost)

    trained = [system for system in parameters.systems if parameters.seeds(system)]
    with tracking.run() as tracked:
        report = Ablations(
            base=base,
            sentences=len(contrasts.references),
            fewest=FEWEST,
            samples=parameters.bleu.bootstrap_samples,
            systems=[ablation(system) for system in sorted(trained, key=lambda system: system != base)],
            untrained=[system for system in parameters.systems if system not in trained],
        )
        write(report, out, table, figure)
        record(tracked, parameters, report.systems)


def write(report: Ablations, out: Path, table: Path, figure: Path) -> None:
    """Write the report as JSON, CSV and figures."""
    records.write(out, report)
    records.write_csv(table, map(row, report.systems))
    ablations.differences.write(figure, report)


def check_base(base: str, parameters: Parameters) -> Parameters:
    """Return the parameters, or raise a UserError if the base is not a system that has models."""
    trained = ", ".join(name for name in parameters.systems if parameters.seeds(name))
    check(parameters.seeds(base), f"ablations.base: found {base!r}; expected a system that has models: {trained}")
    return parameters


def values(parameters: Parameters, system: str) -> dict[str, Value]:
    """Return the parameters of a system's vocabulary, model and training by dotted key, such as `model.layers`."""
    vocabulary = parameters.vocabulary(parameters.vocabulary_of(system))
    sections = zip(("vocab", "model", "train"), (vocabulary, *parameters.system(system)), strict=True)
    return {f"{name}.{key}": value for name, section in sections for key, value in section.model_dump().items()}


def changes(parameters: Parameters, system: str, base: str) -> list[Change]:
    """Return the parameters in which a system differs from the base."""
    own, of_base = values(parameters, system), values(parameters, base)
    return [Change(key, of_base[key], own[key]) for key in own if own[key] != of_base[key]]


def row(ablation: Ablation) -> dict[str, Any]:
    """Return a system as a row of the table."""
    perplexities, bleu = ablation.perplexities, ablation.bleu
    line: dict[str, Any] = {
        "system": ablation.system,
        "changes": "; ".join(f"{change.key}: {change.base} -> {change.own}" for change in ablation.changes),
        "seeds": len(perplexities.seeds),
        "perplexity": perplexities.mean,
        "perplexity_spread": perplexities.spread,
        **numbers("perplexity_change", perplexities.change),
    }
    for name in ("run", "models", "beam", "bleu_tokenized", "low", "high"):
        line[name if not name.endswith(("low", "high")) else f"bleu_tokenized_{name}"] = bleu and getattr(bleu, name)
    line |= numbers("bleu_difference", bleu.difference if bleu else None)
    return line | vars(ablation.cost)


def numbers(name: str, difference: Difference | None) -> dict[str, float | None]:
    """Return the columns of a difference: its value, interval and p-value, or None in each."""
    titles = {"": "value", "_low": "low", "_high": "high", "_p_value": "p_value"}
    return {f"{name}{suffix}": getattr(difference, key) if difference else None for suffix, key in titles.items()}


def record(tracked: tracking.Run, parameters: Parameters, systems: Sequence[Ablation]) -> None:
    """Record a run for each system, with its values of all parameters in which any system differs from the base."""
    keys = list(dict.fromkeys(change.key for ablation in systems for change in ablation.changes))
    for ablation in systems:
        own = values(parameters, ablation.system)
        tracked.part(ablation.system, {key: str(own[key]) for key in keys}, dict(metrics(ablation)))


def metrics(ablation: Ablation) -> Iterator[tuple[str, float]]:
    """Yield the names and values of a system's measurements."""
    yield "perplexity", ablation.perplexities.mean
    if ablation.perplexities.change:
        yield "perplexity_change", ablation.perplexities.change.value
    if ablation.bleu:
        yield "bleu_tokenized", ablation.bleu.bleu_tokenized
        if ablation.bleu.difference:
            yield "bleu_difference", ablation.bleu.difference.value
    yield from vars(ablation.cost).items()


if __name__ == "__main__":
    program.program(main)
