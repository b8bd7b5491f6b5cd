"""Scores every run on short and on long sentences: the left half of the paper's Figure 3."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import figures, schemas, stage, tracking
from pipeline.parameters import Length, read
from pipeline.schemas import LengthGroup
from s2s import files, metrics


def main(translations: Path, clean: Path, out: Path, table: Path, figure: Path) -> None:
    """Writes the BLEU of each run over groups of test sentences, from the shortest to the longest.

    Args:
        translations: folder of translations, from the translate stages.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        figure: SVG file of the same numbers to be written.
    """
    parameters = read()
    lengths = [len(tokens.split()) for tokens in schemas.read_column(clean / "test.parquet", "source_tokens")]
    references = schemas.read_column(clean / "test.parquet", "target")
    with tracking.run() as tracked:
        found: dict[str, list[LengthGroup]] = {}
        for run in parameters.runs:
            rows = schemas.read_translations(translations / f"{run}.jsonl", len(references))
            found[run] = score_groups([row.translation for row in rows], references, lengths, parameters.length)
            for group in found[run]:
                tracked.metrics({f"bleu_by_length.{run}": group.bleu}, step=group.bin)
        files.write_json(out, {run: [asdict(group) for group in groups] for run, groups in found.items()})
        frame = pd.DataFrame([{"run": run} | asdict(group) for run, groups in found.items() for group in groups])
        files.write_text(table, frame.to_csv(index=False, lineterminator="\n"))
        files.write_text(figure, figures.lengths(found))


def group_by_length(lengths: Sequence[int], bins: int) -> list[list[int]]:
    """Sorts sentences by length and cuts them into groups of about equal count, or single ones if they are too few."""
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    return [group.tolist() for group in np.array_split(order, min(bins, len(order)))]


def score_groups(
    translations: Sequence[str], references: Sequence[str], lengths: Sequence[int], settings: Length
) -> list[LengthGroup]:
    """BLEU (sacreBLEU's 13a) of each group of sentences, the shortest first."""
    groups = []
    for number, rows in enumerate(group_by_length(lengths, settings.bins), 1):
        score = metrics.corpus_bleu(
            [translations[row] for row in rows],
            [references[row] for row in rows],
            tokenized=False,
            samples=settings.bootstrap_samples,
            seed=settings.bootstrap_seed,
        )
        scores = (round(value, 4) for value in (score.score, score.low, score.high))
        groups.append(LengthGroup(number, lengths[rows[0]], lengths[rows[-1]], len(rows), *scores))
    return groups


if __name__ == "__main__":
    stage.program(main)
