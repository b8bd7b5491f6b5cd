"""Stages `length` and `rarity`: score every system on groups of test sentences (the paper's Figure 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from pipeline.figures import groups
from pipeline.figures.svg import Drawing
from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import read_column, read_table, shards, text_column
from pipeline.schemas.reports.scores import Group, LengthGroup
from pipeline.stages.groups import scores, systems
from pipeline.stages.groups.scores import Grouping
from pipeline.tracking import run as tracking
from s2s.text import frequencies
from s2s.text.frequencies import WordCounts, count_words

COLUMN = text_column("source", tokens=True)


def main(
    by: Literal["length", "rarity"],
    translations: Path,
    rescored: Path,
    baselines: Path,
    clean: Path,
    out: Path,
    table: Path,
    figure: Path,
) -> None:
    """Write the BLEU of each system over groups of test sentences, sorted by length or by rarity of their words.

    Args:
        by: length, from short to long sentences, or rarity, from sentences of frequent words to those of rare words.
        translations: folder of translations, from the translate stages.
        rescored: folder of rescored lists, from the rescore stages.
        baselines: folder of a person's own translations of the test set.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        figure: SVG file of the same numbers to be written, and with the suffix .png the same as PNG.
    """
    parameters, order = read(), ORDERS[by]
    settings = getattr(parameters, by)  # the section has the stage's name, so a stage declares its own section alone
    grouping = Grouping(settings.bins, settings.bootstrap_samples, settings.bootstrap_seed)
    references = read_column(clean / "test.parquet", "reference")
    with tracking.run() as tracked:
        translated = systems.read_all(parameters, translations, rescored, baselines, len(references))
        measures = order.measure(clean)
        groups = {
            name: list(map(order.record, scores.score(lines, references, measures, grouping)))
            for name, lines in translated.items()
        }
        for run in parameters.runs:
            for group in groups[run]:
                tracked.metrics({f"{order.metric}.{run}": group.bleu}, step=group.bin)
        records.write(out, groups)
        records.write_csv(table, ({"system": name} | vars(row) for name, rows in groups.items() for row in rows))
        order.figure.write(figure, groups)


def source_lengths(clean: Path) -> list[float]:
    """Return the number of source tokens of each test sentence."""
    return [len(tokens.split()) for tokens in read_column(clean / "test.parquet", COLUMN)]


def source_ranks(clean: Path) -> list[float]:
    """Return the mean frequency rank of the source words of each test sentence."""
    lines = read_table(clean / "test.parquet", [COLUMN]).column(COLUMN)
    ranks: list[float] = frequencies.mean_ranks(count_training_words(clean), lines).tolist()
    return ranks


def count_training_words(clean: Path) -> pa.Table:
    """Count how often each source word occurs in the training text."""
    counts = WordCounts()
    for path in shards(clean, "train"):
        counts.add(count_words(read_table(path, [COLUMN]).column(COLUMN)))
    return counts.total()


def length_group(group: Group) -> LengthGroup:
    """Return a group with its bounds as whole numbers of tokens."""
    shortest, longest = int(group.lowest), int(group.highest)
    return LengthGroup(group.bin, shortest, longest, group.sentences, group.bleu, group.bleu_low, group.bleu_high)


def rank_group(group: Group) -> Group:
    """Return a group as it is: its bounds are mean ranks."""
    return group


@dataclass(frozen=True)
class Order:
    """A measure that sentences are sorted by, and the form in which its groups are written."""

    measure: Callable[[Path], list[float]]
    record: Callable[[Group], Any]
    metric: str
    """The name in MLflow, before the name of a run."""
    figure: Drawing[...]


ORDERS = {
    "length": Order(source_lengths, length_group, "bleu_by_length", groups.lengths),
    "rarity": Order(source_ranks, rank_group, "bleu_by_rank", groups.ranks),
}


if __name__ == "__main__":
    program.program(main)
