"""Stage `report`: write one HTML page with all scores, figures, translations, data and parameters, readable offline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.parameters.parameters import Parameters
from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.stages.report import data, filters, results, scorecard, sentences
from pipeline.stages.report.results import learned, rescored, scored, translated
from pipeline.tracking import run as tracking
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
            **scorecard.content(reports, parameters),
            **scored(reports, parameters),
            rescorings=rescored(reports, parameters),
            **results.ablations_content(reports),
            **learned(reports, curves, parameters),
            **results.groups_content(reports, list(parameters.runs)),
            **results.embeddings_content(reports),
            **results.neighbors_content(reports),
            **results.alignments_content(reports, parameters.runs),
            **translated(translations, clean, parameters),
            **sentences.content(translations, clean, parameters.runs),
            **data.content(reports, parameters.vocabularies),
        )
        files.write_text(out, page)
        tracked.metrics({"bytes": len(page.encode())})


def render(**content: Any) -> str:
    """Fill the page template and return its HTML; all values are escaped and legible."""
    page = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        finalize=filters.shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters |= {filter.__name__: filter for filter in filters.FILTERS}
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
        yield name, list(filters.flatten(values))


if __name__ == "__main__":
    program.program(main)
