"""Turns clean text into the numbers of the vocabularies, in arrays that training maps into memory."""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import stage, tracking
from pipeline.schemas import records
from pipeline.schemas.encoded import ENCODED, Encoded, EncodedSplit
from pipeline.schemas.measured_text import LONGEST, Encoding, Lengths
from pipeline.schemas.pairs import SIDES, SPLITS, read_table, shards, text_column
from pipeline.workers import mapped
from s2s import vocabulary
from s2s.corpus_writer import SplitWriter
from s2s.files import naming, sweep, whole
from s2s.progress import Meter
from s2s.vocabulary import EOS, UNK, Vocabulary

BATCH = 128  # sentences a batch of which padding is told (Sutskever et al. 2014, section 3.4)
BATCHES = 7_813  # of those, at most: a million pairs
SEED = 1  # of the draw of them

Part = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
Integers = NDArray[np.int64]


def main(clean: Path, vocab: Path, out: Path, report: Path) -> None:
    """Writes the token ids of every split, which vocabularies they belong to, and how long the sentences are.

    Args:
        clean: folder of clean text, from the clean stage.
        vocab: folder of vocabularies, from the vocab stage.
        out: folder to be written.
        report: JSON file to be written: lengths, unknown words, padding.
    """
    vocabularies = [vocabulary.load(vocab, side) for side in SIDES]
    source, target = (known.sha256 for known in vocabularies)
    sweep(out)
    with tracking.run() as run, naming(out), whole(out) as folder:
        folder.mkdir()
        tallies = {split: encode(clean, split, vocabularies, folder) for split in SPLITS}
        splits = {split: tally.numbers() for split, tally in tallies.items()}
        records.write(folder / ENCODED, Encoded(source, target, splits))
        lengths = {split: tally.lengths() for split, tally in tallies.items()}
        records.write(report, Encoding(splits, lengths, padding(folder, "train")))
        for split, numbers in splits.items():
            run.metrics(
                {
                    f"pairs.{split}": numbers.pairs,
                    f"unknown_share.{split}.source": numbers.source_unknown / numbers.source_tokens,
                    f"unknown_share.{split}.target": numbers.target_unknown / numbers.target_tokens,
                }
            )


class Tally:
    """What is counted of a split while it is written."""

    def __init__(self) -> None:
        self.pairs = 0
        self.unknown = [0, 0]
        self.tokens = [0, 0]  # with </s>
        self.histograms = [np.zeros(LONGEST + 1, np.int64) for _ in SIDES]

    def add(self, part: Part) -> None:
        """Counts the pairs of one part."""
        self.pairs += len(part[1])
        for side, (ids, lengths) in enumerate((part[:2], part[2:])):
            self.tokens[side] += len(ids)
            self.unknown[side] += int(np.count_nonzero(ids == UNK))
            self.histograms[side] += np.bincount(np.minimum(lengths, LONGEST), minlength=LONGEST + 1)

    def numbers(self) -> EncodedSplit:
        """Pairs, tokens without </s>, and unknown ones."""
        source, target = self.tokens
        return EncodedSplit(self.pairs, source, target - self.pairs, *self.unknown)

    def lengths(self) -> Lengths:
        """How many sentences have so many tokens."""
        source, target = (histogram.tolist() for histogram in self.histograms)
        return Lengths(source, target)


def encode(clean: Path, split: str, vocabularies: list[Vocabulary], folder: Path) -> Tally:
    """Writes the ids of one split and counts them."""
    files, tally = shards(clean, split), Tally()
    with SplitWriter(folder, split) as writer, Meter(f"encode {split}", len(files)) as meter:
        for done, part in enumerate(mapped(partial(encode_file, vocabularies), files), start=1):
            writer.add(*part)
            tally.add(part)
            meter.update(done, f"{tally.pairs} pairs")
    return tally


def encode_file(vocabularies: list[Vocabulary], path: Path) -> Part:
    """The ids and lengths of the sources of a file of pairs, then those of its targets with </s>."""
    named = zip(SIDES, vocabularies, strict=True)
    columns = [text_column(side, known.reads_tokens) for side, known in named]
    table = read_table(path, columns)
    (sources, source_lengths), (targets, target_lengths) = (
        known.encode_all(table.column(name)) for known, name in zip(vocabularies, columns, strict=True)
    )
    return sources, source_lengths, np.insert(targets, np.cumsum(target_lengths), EOS), target_lengths + 1


def padding(folder: Path, split: str) -> dict[str, dict[str, float]]:
    """The share of positions that padding would fill in batches of a split, by length or as they come.

    Both are told of the same pairs: of all, or of a million in batches that are drawn from those by length.
    """
    order: NDArray[np.int32] = np.load(folder / f"{split}.order.npy", mmap_mode="r")
    starts = np.arange(0, len(order), BATCH)
    if len(starts) > BATCHES:
        starts = np.sort(np.random.default_rng(SEED).choice(starts, BATCHES, replace=False))
    bucketed = np.concatenate([order[start : start + BATCH] for start in starts])
    shares: dict[str, dict[str, float]] = {"bucketed": {}, "random": {}}
    for side in SIDES:
        offsets = np.load(folder / f"{split}.{side}_offsets.npy", mmap_mode="r")
        lengths = offsets[bucketed + 1] - offsets[bucketed]
        shares["bucketed"][side] = padding_share(lengths)
        shares["random"][side] = padding_share(np.random.default_rng(SEED).permutation(lengths))
    return shares


def padding_share(lengths: Integers) -> float:
    """The share of padding in batches of sentences of these lengths."""
    starts = np.arange(0, len(lengths), BATCH)
    sizes = np.diff([*starts, len(lengths)])
    positions = int((np.maximum.reduceat(lengths, starts) * sizes).sum())
    return round(1 - int(lengths.sum()) / max(1, positions), 6)


if __name__ == "__main__":
    stage.program(main)
