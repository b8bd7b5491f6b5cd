"""Stage `encode`: encode clean text as token ids, in arrays that training maps into memory."""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.running import program, resuming
from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import ENCODED, Encoded, EncodedSplit
from pipeline.schemas.data.pairs import SIDES, SPLITS, read_table, shards, text_column
from pipeline.schemas.reports.text import LONGEST, Encoding, Lengths
from pipeline.tracking import run as tracking
from pipeline.workers import mapped
from s2s.data.corpus import SplitWriter
from s2s.files import naming, whole
from s2s.progress import Meter
from s2s.text import vocabulary
from s2s.text.vocabulary import EOS, UNK, Vocabulary

BATCH = 128  # sentences in each batch whose padding is measured (Sutskever et al. 2014, section 3.4)
BATCHES = 7_813  # measured at most: a million pairs
SEED = 1  # of the sample of batches

Part = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
Integers = NDArray[np.int64]


def main(clean: Path, vocab: Path, out: Path, report: Path) -> None:
    """Write the token ids of every split, the digests of their vocabularies, and a report of sentence lengths.

    Args:
        clean: folder of clean text, from the clean stage.
        vocab: folder of vocabularies, from the vocab stage.
        out: folder to be written.
        report: JSON file to be written: lengths, unknown words, padding.
    """
    vocabularies = [vocabulary.load(vocab, side) for side in SIDES]
    source, target = (entries.sha256 for entries in vocabularies)
    with tracking.run() as run, resuming.alone(out), naming(out), whole(out) as folder:
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
    """Counts of a split, added up while it is written."""

    def __init__(self) -> None:
        self.pairs = 0
        self.unknown = [0, 0]
        self.tokens = [0, 0]  # with </s>
        self.histograms = [np.zeros(LONGEST + 1, np.int64) for _ in SIDES]

    def add(self, part: Part) -> None:
        """Add the counts of one file of pairs."""
        self.pairs += len(part[1])
        for side, (ids, lengths) in enumerate((part[:2], part[2:])):
            self.tokens[side] += len(ids)
            self.unknown[side] += int(np.count_nonzero(ids == UNK))
            self.histograms[side] += np.bincount(np.minimum(lengths, LONGEST), minlength=LONGEST + 1)

    def numbers(self) -> EncodedSplit:
        """Return the numbers of pairs, tokens without </s>, and unknown tokens."""
        source, target = self.tokens
        return EncodedSplit(self.pairs, source, target - self.pairs, *self.unknown)

    def lengths(self) -> Lengths:
        """Return the number of sentences of each length."""
        source, target = (histogram.tolist() for histogram in self.histograms)
        return Lengths(source, target)


def encode(clean: Path, split: str, vocabularies: list[Vocabulary], folder: Path) -> Tally:
    """Write the token ids of one split and return their counts."""
    files, tally = shards(clean, split), Tally()
    with SplitWriter(folder, split) as writer, Meter(f"encode {split}", len(files)) as meter:
        for done, part in enumerate(mapped(partial(encode_file, vocabularies), files), start=1):
            writer.add(*part)
            tally.add(part)
            meter.update(done, f"{tally.pairs} pairs")
    return tally


def encode_file(vocabularies: list[Vocabulary], path: Path) -> Part:
    """Encode a file of pairs: source ids and lengths, then target ids with </s> and lengths."""
    named = zip(SIDES, vocabularies, strict=True)
    columns = [text_column(side, entries.reads_tokens) for side, entries in named]
    table = read_table(path, columns)
    (sources, source_lengths), (targets, target_lengths) = (
        entries.encode_all(table.column(name)) for entries, name in zip(vocabularies, columns, strict=True)
    )
    return sources, source_lengths, np.insert(targets, np.cumsum(target_lengths), EOS), target_lengths + 1


def padding(folder: Path, split: str) -> dict[str, dict[str, float]]:
    """Return the share of padding in batches of a split, bucketed by length and in random order, by side.

    Both shares are of the same pairs: of all pairs, or of a million pairs in a sample of the bucketed batches.
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
    """Return the share of padding if sentences of these lengths are cut into batches in this order."""
    starts = np.arange(0, len(lengths), BATCH)
    sizes = np.diff([*starts, len(lengths)])
    positions = int((np.maximum.reduceat(lengths, starts) * sizes).sum())
    return round(1 - int(lengths.sum()) / max(1, positions), 6)


if __name__ == "__main__":
    program.program(main)
