"""Chooses the tokens that the models know, from the training text alone."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline import schemas, stage, tracking
from pipeline.parameters import Vocab, read
from pipeline.tracking import Run
from s2s.files import whole
from s2s.vocabulary import UNK, Vocabulary, train_sentencepiece, word_vocabulary


def main(clean: Path, out: Path) -> None:
    """Writes the vocabulary of each side.

    Args:
        clean: folder of clean text, from the clean stage.
        out: folder to be written.
    """
    settings = read().vocab
    with tracking.run() as run, whole(out) as folder:
        folder.mkdir()
        for side, size in zip(schemas.SIDES, (settings.source_size, settings.target_size), strict=True):
            vocabulary = learn(clean / "train.parquet", side, size, settings)
            vocabulary.save(folder, side)
            measure(clean / "dev.parquet", side, vocabulary, run)


def learn(path: Path, side: str, size: int, settings: Vocab) -> Vocabulary:
    """Learns the vocabulary of one side."""
    if settings.kind != "words":
        return train_sentencepiece(column(path, side), settings.kind, size)
    counts: Counter[str] = Counter()
    for line in column(path, f"{side}_tokens"):
        counts.update(line.split(" "))
    return word_vocabulary(counts, size, settings.min_count)


def measure(path: Path, side: str, vocabulary: Vocabulary, run: Run) -> None:
    """Records how many entries a vocabulary has, and what share of the development text it knows."""
    ids = [
        number
        for line in column(path, schemas.text_column(side, vocabulary.reads_tokens))
        for number in vocabulary.encode(line)
    ]
    coverage = 1 - ids.count(UNK) / len(ids)
    run.metrics({f"size.{side}": len(vocabulary), f"dev_coverage.{side}": coverage})
    print(f"vocab {side}: {len(vocabulary)} entries know {coverage:.2%} of the development text", flush=True)


def column(path: Path, name: str) -> Iterator[str]:
    """The lines of a column, without holding all of them."""
    return (row[0] for rows in schemas.stream_columns(path, [name]) for row in rows)


if __name__ == "__main__":
    stage.program(main)
