"""Compares each system of params.yaml with a base system: what it changes, what that does to quality and to cost."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import ablation_figure, model_cost, stage, tracking
from pipeline.ablations_schema import Ablation, Ablations, Change, Difference, Value
from pipeline.base_contrasts import BaseContrasts
from pipeline.deciding import FEWEST
from pipeline.parameters import Parameters, read
from pipeline.schemas import records
from pipeline.schemas.measured_text import Encoding
from s2s import files
from s2s.errors import check

IDLE = {"train.checkpoint_minutes", "train.keep_checkpoints"}  # they change no weights


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
    """Writes how each system differs from the base.

    Args:
        base: the system that the others are compared with.
        reports: folder of the files of the stages that measure.
        models: folder of models, from the train stages.
        curves: folder of learning curves, from the train stages.
        translations: folder of translations, from the translate stages.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        figure: SVG file of the differences to be written, and with the suffix .png the same as PNG.
    """
    parameters = read()
    check_base(base, parameters)
    sizes = {
        name: model_cost.sizes(records.read(Encoding, reports / "encoding" / f"{name}.json"))
        for name in parameters.vocabularies
    }
    contrasts = BaseContrasts(parameters, base, reports, models, translations, clean)
    with tracking.run() as tracked:
        trained = [name for name in parameters.systems if parameters.seeds(name)]

        def ablation(name: str) -> Ablation:
            cost = model_cost.measure(
                models, curves, name, parameters.seeds(name), sizes[parameters.vocabulary_of(name)]
            )
            return Ablation(
                name, changes(parameters, name, base), contrasts.perplexities(name), contrasts.bleu(name), cost
            )

        found = Ablations(
            base=base,
            sentences=len(contrasts.references),
            fewest=FEWEST,
            samples=parameters.bleu.bootstrap_samples,
            systems=[ablation(name) for name in sorted(trained, key=lambda name: name != base)],
            untrained=[name for name in parameters.systems if name not in trained],
        )
        records.write(out, found)
        files.write_text(table, pd.DataFrame(map(row, found.systems)).to_csv(index=False, lineterminator="\n"))
        ablation_figure.differences.write(figure, found)
        record(tracked, parameters, found.systems)


def check_base(base: str, parameters: Parameters) -> None:
    """Refuses a base that is no system, or was not trained."""
    known = ", ".join(name for name in parameters.systems if parameters.seeds(name))
    check(parameters.seeds(base), f"ablations.base: found {base!r}; expected a system that has models: {known}")


def values(parameters: Parameters, system: str) -> dict[str, Value]:
    """All that makes a system with models: its parameters by dotted key."""
    vocabulary = parameters.vocabulary(parameters.vocabulary_of(system))
    sections = zip(("vocab", "model", "train"), (vocabulary, *parameters.system(system)), strict=True)
    return {f"{name}.{key}": value for name, section in sections for key, value in section.model_dump().items()}


def changes(parameters: Parameters, system: str, base: str) -> list[Change]:
    """In what a system is not as the base."""
    own, other = values(parameters, system), values(parameters, base)
    return [Change(key, other[key], own[key]) for key in own if own[key] != other[key] and key not in IDLE]


def row(one: Ablation) -> dict[str, Any]:
    """A system as a line of the table."""
    perplexities, bleu = one.perplexities, one.bleu
    line: dict[str, Any] = {
        "system": one.system,
        "changes": "; ".join(f"{change.key}: {change.base} -> {change.own}" for change in one.changes),
        "seeds": len(perplexities.seeds),
        "perplexity": perplexities.mean,
        "perplexity_spread": perplexities.spread,
        **numbers("perplexity_change", perplexities.change),
    }
    for name in ("run", "models", "beam", "bleu_tokenized", "low", "high"):
        line[name if not name.endswith(("low", "high")) else f"bleu_tokenized_{name}"] = bleu and getattr(bleu, name)
    line |= numbers("bleu_difference", bleu.difference if bleu else None)
    return line | vars(one.cost)


def numbers(name: str, found: Difference | None) -> dict[str, float | None]:
    """The columns of a difference."""
    titles = {"": "value", "_low": "low", "_high": "high", "_p_value": "p_value"}
    return {f"{name}{suffix}": getattr(found, key) if found else None for suffix, key in titles.items()}


def record(tracked: tracking.Run, parameters: Parameters, systems: Sequence[Ablation]) -> None:
    """Records a run for each system, with the values of all that any system changes: so they can be compared."""
    keys = list(dict.fromkeys(change.key for one in systems for change in one.changes))
    for one in systems:
        own = values(parameters, one.system)
        tracked.part(one.system, {key: str(own[key]) for key in keys}, dict(metrics(one)))


def metrics(one: Ablation) -> Iterator[tuple[str, float]]:
    """The numbers of a system that are compared."""
    yield "perplexity", one.perplexities.mean
    if one.perplexities.change:
        yield "perplexity_change", one.perplexities.change.value
    if one.bleu:
        yield "bleu_tokenized", one.bleu.bleu_tokenized
        if one.bleu.difference:
            yield "bleu_difference", one.bleu.difference.value
    yield from vars(one.cost).items()


if __name__ == "__main__":
    stage.program(main)
