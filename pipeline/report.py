"""Stage `report`: write one HTML page with all scores, figures, translations, data and parameters, readable offline."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline import (
    ablations_section,
    alignments_section,
    data_section,
    embeddings_section,
    figures,
    formats,
    groups_section,
    neighbors_section,
    samples,
    scorecard_section,
    sentences_section,
    stage,
    tracking,
)
from pipeline.parameters import Parameters, read
from pipeline.schemas import records
from pipeline.schemas.pairs import SIDES, read_column
from pipeline.schemas.rescored import Rescored
from pipeline.schemas.scored import RunScores
from pipeline.schemas.trained import Perplexity, read_curve
from pipeline.schemas.translated import read_translations
from s2s import files

FOLDER = Path(__file__).parent / "page"
OWN = {"css": ("page.css", "scorecard.css", "ablations.css", "provenance.css"), "js": ("page.js",)}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSProp", "adadelta": "Adadelta"}
CELLS = {"lstm": "LSTM", "lstm_peephole": "LSTM with peepholes", "gru": "GRU", "gru_cho": "GRU as Cho has it"}
CELLS |= {"rnn_tanh": "plain recurrent network (tanh)", "rnn_relu": "plain recurrent network (ReLU)"}
CONTEXTS = {
    "initial": "the decoder starts from the encoder's state",
    "every_step": "the decoder reads a summary of the source at each step",
    "bahdanau": "attention as Bahdanau has it",
    "luong_dot": "attention as Luong has it (dot)",
    "luong_general": "attention as Luong has it (general)",
}
SCORES = {"bleu": "BLEU", "bleu_tokenized": "BLEU, tokenized", "chrf": "chrF"}
LANGUAGES = {"en": "English", "fr": "French", "de": "German", "es": "Spanish", "it": "Italian", "cs": "Czech"}


def main(reports: Path, translations: Path, clean: Path, curves: Path, out: Path) -> None:
    """Write the report page.

    Args:
        reports: folder of the JSON files of the stages that measure.
        translations: folder of translations, from the translate stages.
        clean: folder of clean text, from the clean stage.
        curves: folder of learning curves, from the train stages.
        out: HTML file to be written.
    """
    parameters = read()
    with tracking.run() as tracked:
        page = render(
            parameters=parameters,
            languages=[LANGUAGES.get(code, code) for code in language_codes(parameters)],
            codes=language_codes(parameters),
            systems={name: describe_system(parameters, name) for name in parameters.systems},
            sections=list(sections(parameters)),
            **scorecard_section.content(reports, parameters),
            **scored(reports, parameters),
            rescorings=rescored(reports, parameters),
            **ablations_section.content(reports),
            **learned(reports, curves, parameters),
            **groups_section.content(reports, list(parameters.runs)),
            **embeddings_section.content(reports),
            **neighbors_section.content(reports),
            **alignments_section.content(reports, parameters.runs),
            **translated(translations, clean, parameters),
            **sentences_section.content(translations, clean, parameters.runs),
            **data_section.content(reports, parameters.vocabularies),
        )
        files.write_text(out, page)
        tracked.metrics({"bytes": len(page.encode())})


def render(**content: Any) -> str:
    """Fill the page template and return its HTML; all values are escaped."""
    loader = FileSystemLoader(FOLDER)
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {filter.__name__: filter for filter in formats.FILTERS}
    own = {
        kind: Markup("".join((FOLDER / name).read_text(encoding="utf-8") for name in names))
        for kind, names in OWN.items()
    }
    return page.get_template("page.html.j2").render(content | own)


def language_codes(parameters: Parameters) -> tuple[str, str]:
    """Return the ISO 639-1 codes of the source and the target language."""
    return parameters.download.source_language, parameters.download.target_language


def describe_system(parameters: Parameters, name: str) -> str:
    """Describe a system's network and training in a few words."""
    model, train = parameters.system(name)
    layers = "1 layer" if model.layers == 1 else f"{model.layers} layers"
    order = "last word first" if model.reverse_source else "first word first"
    if model.network == "transformer":
        network = f"Transformer, {layers} of {model.hidden} in encoder and decoder each, {model.heads} heads"
    else:
        ways = "both ways" if model.bidirectional else order
        network = (
            f"{CELLS[model.cell]} as encoder and decoder, {layers} of {model.hidden} cells each, embeddings of "
            f"{model.embedding}; source read {ways}; {CONTEXTS[model.context]}"
        )
    return f"{network}; dropout {model.dropout:g}; {train.epochs:g} epochs of {OPTIMIZERS[train.optimizer]}"


def sections(parameters: Parameters) -> Iterator[tuple[str, list[tuple[str, object]]]]:
    """Yield the name of each section of params.yaml, with its keys and values."""
    for name, values in parameters.model_dump().items():
        yield name, list(formats.flatten(values))


def scored(reports: Path, parameters: Parameters) -> dict[str, Any]:
    """Return the scores of all runs, and the sacreBLEU signatures of these scores."""
    scores = records.read_named(RunScores, reports / "bleu.json", parameters.runs)
    signatures = {
        title: list(dict.fromkeys(getattr(score, f"{key}_signature") for score in scores.values()))
        for key, title in SCORES.items()
    }
    return {
        "scores": scores,
        "best": max(scores, key=lambda run: scores[run].bleu),
        "seeds": {run: parameters.seeds(score.system)[: score.seeds] for run, score in scores.items()},
        "signatures": signatures,
        "scale": scale(list(scores.values())),
    }


def scale(scores: Sequence[RunScores]) -> tuple[int, int]:
    """Return multiples of 5 below and above the BLEU intervals of all runs, for the scale of the bars."""
    low = 5 * math.floor(min(score.bleu_low for score in scores) / 5)
    return low, max(5 * math.ceil(max(score.bleu_high for score in scores) / 5), low + 5)


def rescored(reports: Path, parameters: Parameters) -> dict[str, Rescored]:
    """Return the results of each rescoring of n-best lists (the paper's Table 2)."""
    return {name: records.read(Rescored, reports / "rescore" / f"{name}.json") for name in parameters.rescorings}


def learned(reports: Path, curves: Path, parameters: Parameters) -> dict[str, Any]:
    """Return the perplexities and the learning curves of all models."""
    columns = {model: read_curve(curves / f"{model}.csv") for model in parameters.models}
    return {
        "perplexities": records.read_named(dict[str, Perplexity], reports / "perplexity.json", parameters.models),
        "model_vocabularies": {name: model.vocabulary for name, model in parameters.models.items()},
        "best_epochs": {model: best_epoch(curve) for model, curve in columns.items()},
        "curve_figures": figures.both(
            lambda width: figures.curves(columns, width), "curves", "Perplexity of each model by epoch"
        ),
    }


def best_epoch(curve: Mapping[str, Sequence[float]]) -> float | None:
    """Return the first epoch with the lowest development perplexity; None if no perplexity is finite."""
    epochs = zip(curve["dev_perplexity"], curve["epoch"], strict=True)
    perplexity, epoch = min((pair for pair in epochs if math.isfinite(pair[0])), default=(math.inf, 0.0))
    if perplexity == math.inf:
        return None
    return int(epoch) if epoch.is_integer() else epoch


def translated(translations: Path, clean: Path, parameters: Parameters) -> dict[str, Any]:
    """Return the sample translations, each split into parts that are or are not in the reference."""
    test = clean / "test.parquet"
    sources, references = (read_column(test, side) for side in SIDES)
    lengths = [len(tokens.split()) for tokens in read_column(test, "source_tokens")]
    runs = {run: read_translations(translations / f"{run}.jsonl", len(sources)) for run in parameters.runs}

    def sample(row: int) -> dict[str, Any]:
        lines = {run: rows[row] for run, rows in runs.items()}
        parts = {run: samples.compare(line.translation, references[row]) for run, line in lines.items()}
        source, reference = sources[row], references[row]
        return {
            "id": row,
            "length": lengths[row],
            "source": source,
            "reference": reference,
            "runs": lines,
            "parts": parts,
        }

    various, longest = samples.choose(lengths, parameters.report.samples)
    return {"samples": {"From short to long": map(sample, various), "The longest": map(sample, longest)}}


if __name__ == "__main__":
    stage.program(main)
