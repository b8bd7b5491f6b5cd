"""Scores every run's translations: BLEU by both conventions and chrF, with intervals and signatures."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import stage, tracking
from pipeline.parameters import Parameters, read
from pipeline.schemas.pairs import read_column
from pipeline.schemas.translated import read_translations
from s2s import files, metrics
from s2s.metrics import Score


def main(translations: Path, clean: Path, out: Path, table: Path) -> None:
    """Writes the scores of each run.

    Args:
        translations: folder of translations, from the translate stages.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
    """
    parameters = read()
    references = {name: read_column(clean / "test.parquet", name) for name in ("target", "target_tokens")}
    with tracking.run() as tracked:
        scores = {run: score(translations / f"{run}.jsonl", references, run, parameters) for run in parameters.runs}
        files.write_json(out, scores)
        frame = pd.DataFrame.from_dict(scores, orient="index").rename_axis("run")
        files.write_text(table, frame.to_csv(lineterminator="\n"))
        for run, values in scores.items():
            tracked.metrics({f"{name}.{run}": values[name] for name in ("bleu", "bleu_tokenized", "chrf")})


def score(path: Path, references: dict[str, list[str]], run: str, parameters: Parameters) -> dict[str, Any]:
    """The scores of one run, rounded to what a float sum holds on any machine."""
    translations = read_translations(path, len(references["target"]))
    settings, chosen = parameters.bleu, parameters.runs[run]
    plain = [one.translation for one in translations]
    tokens = [one.tokens for one in translations]
    sampling = (settings.bootstrap_samples, settings.bootstrap_seed)
    found = {
        "bleu": metrics.corpus_bleu(plain, references["target"], False, *sampling),
        "bleu_tokenized": metrics.corpus_bleu(tokens, references["target_tokens"], True, *sampling),
        "chrf": metrics.corpus_chrf(plain, references["target"], *sampling),
    }
    head = {"system": chosen.system, "seeds": chosen.seeds, "beam": chosen.beam, "sentences": len(plain)}
    whole = {
        "brevity_penalty": round(found["bleu"].brevity_penalty, 6),
        "length_ratio": round(found["bleu"].length_ratio, 6),
    }
    whole |= {f"precision_{n}": round(value, 4) for n, value in enumerate(found["bleu"].precisions, 1)}
    return head | whole | {key: value for name, one in found.items() for key, value in columns(name, one).items()}


def columns(name: str, score: Score) -> dict[str, Any]:
    """A score under its name, never without its signature."""
    numbers = {name: score.score, f"{name}_low": score.low, f"{name}_high": score.high}
    return {key: round(value, 4) for key, value in numbers.items()} | {f"{name}_signature": score.signature}


if __name__ == "__main__":
    stage.program(main)
