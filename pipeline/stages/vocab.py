"""Stage `vocab`: learn vocabularies of words or subwords from the training text."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.parameters.reading import read
from pipeline.parameters.sections import Vocab
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import SIDES, open_pairs, read_column, read_table, shards, text_column
from pipeline.schemas.reports.text import SideVocabulary, Vocabularies
from pipeline.tracking import run as tracking
from pipeline.workers import mapped
from s2s.errors import check
from s2s.files import whole
from s2s.progress import Meter
from s2s.text.frequencies import WordCounts, count_words, coverage, total, word_vocabulary
from s2s.text.subwords import draw_lines, train_sentencepiece
from s2s.text.vocabulary import SPECIAL, UNK, Vocabulary

SEED = 1  # of the lines that subwords are learned from
COVERAGE_LINES = 20_000  # a second sample, to estimate the coverage of training text: 700,000 subwords

Learned = dict[str, tuple[Vocabulary, SideVocabulary]]  # by side


def main(vocabulary: str, clean: Path, out: Path, report: Path) -> None:
    """Write the vocabulary of each side, and the share of the text that it covers.

    Args:
        vocabulary: one of `vocabularies:` in params.yaml.
        clean: folder of clean text, from the clean stage.
        out: folder to be written.
        report: JSON file to be written: sizes and coverage.
    """
    settings = read().vocabulary(vocabulary)
    with tracking.run() as run, whole(out) as folder:
        folder.mkdir()
        lines, learned = (learn_words if settings.kind == "words" else learn_subwords)(clean, settings)
        for side, (vocabulary_of_side, facts) in learned.items():
            vocabulary_of_side.save(folder, side)
            coverages = {"train_coverage": facts.train_coverage, "dev_coverage": facts.dev_coverage}
            run.metrics({f"{name}.{side}": value for name, value in {"size": facts.entries, **coverages}.items()})
            print(
                f"vocab {vocabulary}, {side}: {facts.entries} entries know {facts.train_coverage:.2%} of the training "
                f"text and {facts.dev_coverage:.2%} of the development text",
                flush=True,
            )
        source, target = (learned[side][1] for side in SIDES)
        records.write(report, Vocabularies(settings.kind, lines, source, target))


def wanted_size(settings: Vocab, side: str) -> int:
    """Return the largest number of entries of a side."""
    return {"source": settings.source_size, "target": settings.target_size}[side]


def learn_words(clean: Path, settings: Vocab) -> tuple[int, Learned]:
    """Make vocabularies of the most frequent words of each side; no lines are sampled."""
    train, dev = count(clean, "train"), count(clean, "dev")
    learned: Learned = {}
    for side, counts in train.items():
        words = word_vocabulary(counts, wanted_size(settings, side), settings.min_count)
        check(
            len(words) > len(SPECIAL),
            f"{clean}: found {len(counts)} {side} words, each fewer than {settings.min_count} times; "
            "expected some that frequent (vocab.min_count)",
        )
        coverages = coverage(counts, words), coverage(dev[side], words)
        learned[side] = words, SideVocabulary(len(words), len(counts), total(counts), *coverages)
    return 0, learned


def count(clean: Path, split: str) -> dict[str, pa.Table]:
    """Count the words of both sides of a split, in parallel."""
    files = shards(clean, split)
    counts = {side: WordCounts() for side in SIDES}
    with Meter(f"vocab {split}", len(files)) as meter:
        for done, sides in enumerate(mapped(count_sides, files), start=1):
            for side, part in sides.items():
                counts[side].add(part)
            meter.update(done, f"{done} files counted")
    return {side: parts.total() for side, parts in counts.items()}


def count_sides(path: Path) -> dict[str, pa.Table]:
    """Count the words of both sides of a file of pairs."""
    columns = {side: text_column(side, tokens=True) for side in SIDES}
    table = read_table(path, list(columns.values()))
    return {side: count_words(table.column(name)) for side, name in columns.items()}


def learn_subwords(clean: Path, settings: Vocab) -> tuple[int, Learned]:
    """Learn the subwords of each side from a sample of lines; return the size of the sample and both vocabularies.

    The sides take turns, because each needs gigabytes of memory.
    """
    train = shards(clean, "train")
    lines = min(settings.sentencepiece_lines, sum(sizes(train)))
    return lines, {side: learn_side(clean, side, settings) for side in SIDES}


def learn_side(clean: Path, side: str, settings: Vocab) -> tuple[Vocabulary, SideVocabulary]:
    """Learn the subwords of one side and estimate their coverage; types and tokens are not counted and are 0."""
    assert settings.kind != "words"
    train, [dev] = shards(clean, "train"), shards(clean, "dev")
    lines = draw(train, side, settings.sentencepiece_lines, SEED)
    vocabulary = train_sentencepiece(lines, settings.kind, wanted_size(settings, side))
    texts = draw(train, side, COVERAGE_LINES, SEED + 1), read_column(dev, side)
    coverages = (share_known(vocabulary, text) for text in texts)
    return vocabulary, SideVocabulary(len(vocabulary), 0, 0, *coverages)


def draw(files: list[Path], column: str, wanted: int, seed: int) -> Iterator[str]:
    """Yield a random sample of lines of a column, in the order of the files; one file at a time is in memory."""
    for path, numbers in zip(files, draw_lines(sizes(files), wanted, seed), strict=True):
        yield from read_table(path, [column]).column(column).take(pa.array(numbers)).to_pylist()


def sizes(files: Iterable[Path]) -> list[int]:
    """Return the number of pairs of each file."""
    return [open_pairs(path).metadata.num_rows for path in files]


def share_known(vocabulary: Vocabulary, lines: Iterable[str]) -> float:
    """Return the share of a text's tokens that a vocabulary covers, 0 to 1."""
    ids, _ = vocabulary.encode_all(pa.chunked_array([list(lines)]))
    return float(np.mean(ids != UNK))


if __name__ == "__main__":
    program.program(main)
