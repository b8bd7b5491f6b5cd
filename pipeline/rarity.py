"""Scores every system on sentences of frequent and of rare words: the right half of the paper's Figure 3."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pyarrow as pa

from pipeline import group_figure, scored_groups, stage, systems, tracking
from pipeline.parameters import read
from pipeline.schemas.pairs import read_column, read_table, shards, text_column
from pipeline.scored_groups import Grouping
from s2s import files, rarity
from s2s.counts import WordCounts, count_words

COLUMN = text_column("source", tokens=True)


def main(translations: Path, rescored: Path, others: Path, clean: Path, out: Path, table: Path, figure: Path) -> None:
    """Writes the BLEU of each system over groups of test sentences, from those of frequent words to those of rare ones.

    Args:
        translations: folder of translations, from the translate stages.
        rescored: folder of rescored lists, from the rescore stages.
        others: folder of a person's own translations of the test set.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        figure: SVG file of the same numbers to be written, and with the suffix .png the same as PNG.
    """
    parameters = read()
    settings = parameters.rarity
    how = Grouping(settings.bins, settings.bootstrap_samples, settings.bootstrap_seed)
    test = clean / "test.parquet"
    references = read_column(test, "target")
    with tracking.run() as tracked:
        known = systems.read_all(parameters, translations, rescored, others, len(references))
        lines = read_table(test, [COLUMN]).column(COLUMN)
        ranks = rarity.mean_ranks(count(clean), lines).tolist()
        found = {name: scored_groups.score(one, references, ranks, how) for name, one in known.items()}
        for run in parameters.runs:
            for group in found[run]:
                tracked.metrics({f"bleu_by_rank.{run}": group.bleu}, step=group.bin)
        files.write_json(out, {name: [asdict(group) for group in groups] for name, groups in found.items()})
        frame = pd.DataFrame([{"system": name} | asdict(group) for name, groups in found.items() for group in groups])
        files.write_text(table, frame.to_csv(index=False, lineterminator="\n"))
        group_figure.ranks.write(figure, found)


def count(clean: Path) -> pa.Table:
    """How often each source word occurs in the training text."""
    counts = WordCounts()
    for path in shards(clean, "train"):
        counts.add(count_words(read_table(path, [COLUMN]).column(COLUMN)))
    return counts.total()


if __name__ == "__main__":
    stage.program(main)
