"""Stage `bleu`: score the translations of every run by BLEU in two conventions and chrF, with intervals."""

from pathlib import Path
from typing import Any

from pipeline.parameters.parameters import Parameters
from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.data.translated import read_translations
from pipeline.schemas.reports.scores import RunScores
from pipeline.tracking import run as tracking
from s2s.evaluation import metrics
from s2s.evaluation.metrics import Score


def main(translations: Path, clean: Path, out: Path, table: Path) -> None:
    """Write the scores of each run.

    Args:
        translations: folder of translations, from the translate stages.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
    """
    parameters = read()
    references = {name: read_column(clean / "test.parquet", name) for name in ("reference", "reference_tokens")}
    with tracking.run() as tracked:
        scores = {run: score(translations / f"{run}.jsonl", references, run, parameters) for run in parameters.runs}
        records.write(out, scores)
        records.write_csv(table, ({"run": run} | vars(row) for run, row in scores.items()))
        for run, row in scores.items():
            tracked.metrics({f"{name}.{run}": getattr(row, name) for name in ("bleu", "bleu_tokenized", "chrf")})


def score(path: Path, references: dict[str, list[str]], run: str, parameters: Parameters) -> RunScores:
    """Score one run; numbers are rounded so that they are the same on every machine.

    Args:
        path: the translations of the run.
        references: plain (`reference`) and in tokens (`reference_tokens`).
        run: its name in `runs:` of params.yaml.
        parameters: all parameters.
    """
    translations = read_translations(path, len(references["reference"]))
    settings, chosen = parameters.bleu, parameters.runs[run]
    plain = [row.translation for row in translations]
    tokens = [row.tokens for row in translations]
    sampling = (settings.bootstrap_samples, settings.bootstrap_seed)
    bleu = metrics.corpus_bleu(plain, references["reference"], False, *sampling)
    tokenized = metrics.corpus_bleu(tokens, references["reference_tokens"], True, *sampling)
    chrf = metrics.corpus_chrf(plain, references["reference"], *sampling)
    precisions: dict[str, Any] = {f"precision_{n}": round(value, 4) for n, value in enumerate(bleu.precisions, 1)}
    return RunScores(
        system=chosen.system,
        seeds=chosen.seeds,
        beam=chosen.beam,
        sentences=len(plain),
        brevity_penalty=round(bleu.brevity_penalty, 6),
        length_ratio=round(bleu.length_ratio, 6),
        **precisions,
        **columns("bleu", bleu),
        **columns("bleu_tokenized", tokenized),
        **columns("chrf", chrf),
    )


def columns(name: str, score: Score) -> dict[str, Any]:
    """Return a score, its interval and its signature as columns that start with `name`."""
    numbers = {name: score.score, f"{name}_low": score.low, f"{name}_high": score.high}
    return {key: round(value, 4) for key, value in numbers.items()} | {f"{name}_signature": score.signature}


if __name__ == "__main__":
    program.program(main)
