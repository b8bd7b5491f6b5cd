"""Values for the page's browser of all test sentences: each translation, its scores, and its parts that differ."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2.utils import htmlsafe_json_dumps

from pipeline.figures.text import legible
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.data.translated import Alternative, Translation, read_translations
from s2s import files
from s2s.evaluation import samples, sentence_scores

SHOWN = 10  # further translations of a sentence; all 1,000 of the paper would make a page of gigabytes


def content(translations: Path, clean: Path, runs: Iterable[str]) -> dict[str, Any]:
    """Return all values of the section's template.

    Args:
        translations: folder of translations, from the translate stages.
        clean: folder of clean text, from the clean stage.
        runs: names of the runs that are shown.
    """
    columns = {name: read_column(clean / "test.parquet", name) for name in ("source", "reference", "source_tokens")}
    size = len(columns["source"])
    translated_by = {run: read_translations(translations / f"{run}.jsonl", size) for run in runs}
    sentences = {
        "source": list(map(legible, columns["source"])),
        "reference": list(map(legible, columns["reference"])),
        "tokens": [len(tokens.split()) for tokens in columns["source_tokens"]],
        "runs": [translated(run, rows, columns["reference"]) for run, rows in translated_by.items()],
    }
    return {
        "sentences": htmlsafe_json_dumps(sentences, dumps=files.to_json),
        "sentence_runs": list(translated_by),
        "sentence_count": size,
        "sentence_signatures": {
            "chrF": sentence_scores.chrf_signature(),
            "classroom BLEU": sentence_scores.signature(),
        },
        "sentences_have_lists": any(row.n_best for rows in translated_by.values() for row in rows),
        "alternatives_shown": SHOWN,
    }


def translated(run: str, rows: Sequence[Translation], references: Sequence[str]) -> dict[str, Any]:
    """Return the columns of a run, a value per sentence; words are separated by single spaces."""
    texts = [row.translation for row in rows]
    return {
        "name": run,
        "translation": [words_of(text) for text in texts],
        "parts": [lengths_of_parts(*pair) for pair in zip(texts, references, strict=True)],
        "equal": [text == reference for text, reference in zip(texts, references, strict=True)],
        "chrf": [round(score, 4) for score in sentence_scores.sentence_chrf(texts, references)],
        "classroom_bleu": [round(score, 4) for score in sentence_scores.classroom_bleu(texts, references)],
        "unknown": [row.unknown for row in rows],
        "log_prob": [row.log_prob for row in rows],
        "n_best": [alternatives(row.n_best) for row in rows],
    }


def words_of(text: str) -> str:
    """Return the words of a text with single spaces between them, which the page's script splits again."""
    return legible(" ".join(text.split()))


def lengths_of_parts(translation: str, reference: str) -> list[int]:
    """Return the number of words of each part of a translation.

    A part is a run of words that are in the reference, or that are not; see `samples.compare`. The number is negative
    if the words differ from the reference, and 0 at a gap, where only the reference has words.
    """
    parts = samples.compare(translation, reference)
    return [len(part.words.split()) * (-1 if part.differs else 1) for part in parts]


def alternatives(n_best: Sequence[Alternative]) -> list[list[Any]]:
    """Return text, log-probability and score of the first further translations of a sentence."""
    return [[words_of(further.translation), further.log_prob, further.score] for further in n_best[:SHOWN]]
