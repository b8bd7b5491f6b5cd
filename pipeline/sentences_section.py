"""What the page's browser of all test sentences shows: every translation with its scores and where it differs."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2.utils import htmlsafe_json_dumps

from pipeline import samples
from pipeline.schemas.pairs import read_column
from pipeline.schemas.translated import Alternative, Translation, read_translations
from s2s import classroom_bleu, files, sentence_chrf

SHOWN = 10  # further translations of a sentence: all of the paper's 1,000 would make a page of gigabytes


def content(translations: Path, clean: Path, runs: Iterable[str]) -> dict[str, Any]:
    """All that the section's template shows.

    Args:
        translations: folder of translations, from the translate stages.
        clean: folder of clean text, from the clean stage.
        runs: names of the runs that are shown.
    """
    columns = {name: read_column(clean / "test.parquet", name) for name in ("source", "target", "source_tokens")}
    size = len(columns["source"])
    found = {run: read_translations(translations / f"{run}.jsonl", size) for run in runs}
    sentences = {
        "source": columns["source"],
        "reference": columns["target"],
        "tokens": [len(tokens.split()) for tokens in columns["source_tokens"]],
        "runs": [translated(run, rows, columns["target"]) for run, rows in found.items()],
    }
    return {
        "sentences": htmlsafe_json_dumps(sentences, dumps=files.to_json),
        "sentence_runs": list(found),
        "sentence_count": size,
        "sentence_signatures": {
            "chrF": sentence_chrf.signature(),
            "classroom BLEU": classroom_bleu.signature(),
        },
        "sentences_have_lists": any(row.n_best for rows in found.values() for row in rows),
        "alternatives_shown": SHOWN,
    }


def translated(run: str, rows: Sequence[Translation], references: Sequence[str]) -> dict[str, Any]:
    """One run's columns, a value a sentence; words stand apart by single spaces."""
    texts = [row.translation for row in rows]
    return {
        "name": run,
        "translation": [" ".join(text.split()) for text in texts],
        "parts": [lengths_of_parts(*pair) for pair in zip(texts, references, strict=True)],
        "equal": [text == reference for text, reference in zip(texts, references, strict=True)],
        "chrf": [round(score, 4) for score in sentence_chrf.sentence_chrf(texts, references)],
        "classroom_bleu": [round(score, 4) for score in classroom_bleu.classroom_bleu(texts, references)],
        "unknown": [row.unknown for row in rows],
        "log_prob": [row.log_prob for row in rows],
        "n_best": [alternatives(row.n_best) for row in rows],
    }


def lengths_of_parts(translation: str, reference: str) -> list[int]:
    """The words of each part of a translation, by `samples.compare`: negative where they differ, 0 at a gap."""
    parts = samples.compare(translation, reference)
    return [len(part.words.split()) * (-1 if part.differs else 1) for part in parts]


def alternatives(others: Sequence[Alternative]) -> list[list[Any]]:
    """The first further translations of a sentence: text, log-probability and score of each."""
    return [[" ".join(one.translation.split()), one.log_prob, one.score] for one in others[:SHOWN]]
