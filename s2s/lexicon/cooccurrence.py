"""Number the word pairs that occur together in sentence pairs, so that a table of them is one flat array.

Shapes: N pairs of the same lengths, S source length, T target length. A cell is a source word and a target word of the
same sentence pair, which has S * T cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]
BLOCK_CELLS = 1 << 22  # numbered at a time: 200 MB
GROUP_CELLS = 1 << 17  # of a group: arrays of 1 MB, which stay in a processor's cache


@dataclass(frozen=True)
class Sentences:
    """Sentences of numbered words: all word ids in a row, and the length of each sentence."""

    ids: Integers
    lengths: Integers

    def take(self, rows: NDArray[np.intp], starts: NDArray[np.int64]) -> Integers:
        """Return sentences of equal length as an array [N, length].

        Args:
            rows: their numbers, [N].
            starts: the first word of every sentence, as `starts()` returns it.
        """
        return self.ids[starts[rows][:, None] + np.arange(self.lengths[rows[0]])]

    def starts(self) -> NDArray[np.int64]:
        """Return the position of the first word of each sentence."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths


@dataclass(frozen=True)
class Group:
    """Sentence pairs of the same lengths."""

    sources: Integers  # [N, S]
    targets: Integers  # [N, T]
    rows: NDArray[np.intp]  # numbers of the pairs, [N]


def groups(source: Sentences, target: Sentences) -> Iterator[Group]:
    """Yield groups of pairs of the same lengths; no sentence may be empty."""
    assert source.lengths.min() > 0 < target.lengths.min(), "no side is empty"
    order = np.lexsort((target.lengths, source.lengths))
    S, T = source.lengths[order], target.lengths[order]
    changes = np.flatnonzero((np.diff(S) != 0) | (np.diff(T) != 0)) + 1
    source_starts, target_starts = source.starts(), target.starts()
    for start, stop in pairwise([0, *changes.tolist(), len(order)]):
        size = max(1, GROUP_CELLS // (int(S[start]) * int(T[start])))
        for first in range(start, stop, size):
            rows = order[first : min(first + size, stop)]
            yield Group(source.take(rows, source_starts), target.take(rows, target_starts), rows)


@dataclass(frozen=True)
class Cooccurrences:
    """The entries of a table: the distinct word pairs of all cells, ordered by source word, then by target word."""

    starts: NDArray[np.int64]  # first entry of each source word, then the number of entries
    targets: Integers  # target word of each entry
    numbers: NDArray[np.int32]  # entry of each cell, group after group, each [N, S, T]


def number(parts: list[Group], source_words: int, target_words: int) -> Cooccurrences:
    """Return the table of the word pairs of some groups.

    Memory: 4 bytes a cell, 4 bytes an entry, and `BLOCK_CELLS` cells of 50 bytes.

    Args:
        parts: groups of all pairs.
        source_words: number of distinct source words; each occurs.
        target_words: number of distinct target words.
    """
    runs = Runs(parts)
    numbers = np.empty(runs.cells, np.int32)
    counts = np.zeros(source_words, np.int64)
    targets: list[Integers] = []
    entries = 0
    for block in runs.blocks():
        cells, keys = runs.expand(block, target_words)
        distinct, places, inverse = sort(keys)
        numbers[cells[places]] = inverse + entries
        entries += len(distinct)
        assert entries <= np.iinfo(np.int32).max, "fewer pairs of words than 2^31"
        counts += np.bincount(distinct // target_words, minlength=source_words)
        targets.append((distinct % target_words).astype(np.int32))
    return Cooccurrences(np.concatenate([[0], np.cumsum(counts)]), np.concatenate(targets), numbers)


def sort(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the sorted distinct keys, the order that sorts all keys, and the rank of each key in that order.

    Key and position are sorted as one number, in less than half the time of `np.unique`.
    """
    bits, least = len(keys).bit_length(), int(keys.min())
    assert int(keys.max()) - least < 1 << (63 - bits), "key and place fit into 63 bits"
    packed = (keys - least << bits) + np.arange(len(keys))
    packed.sort()
    in_order = (packed >> bits) + least
    is_new = np.diff(in_order, prepend=-1) != 0
    return in_order[is_new], packed & ((1 << bits) - 1), np.cumsum(is_new) - 1


class Runs:
    """The runs of cells of all source word occurrences; a run has a cell for each word of the target sentence."""

    def __init__(self, parts: list[Group]) -> None:
        words = np.concatenate([part.sources.ravel() for part in parts])
        lengths = np.concatenate([np.full(part.sources.size, part.targets.shape[1], np.int64) for part in parts])
        sentences = np.concatenate([np.full(len(part.rows), part.targets.shape[1], np.int64) for part in parts])
        repeats = np.concatenate([np.full(len(part.rows), part.sources.shape[1]) for part in parts])
        self.targets = np.concatenate([part.targets.ravel() for part in parts])
        self.cells = int(lengths.sum())
        order = np.argsort(words, kind="stable")
        self.words, self.lengths = words[order], lengths[order]
        self.first_cells = (np.cumsum(lengths) - lengths)[order]
        self.first_targets = np.repeat(np.cumsum(sentences) - sentences, repeats)[order]

    def blocks(self) -> Iterator[slice]:
        """Yield blocks of runs of about `BLOCK_CELLS` cells; all runs of a source word are in one block."""
        before = np.cumsum(self.lengths) - self.lengths
        firsts = np.flatnonzero(np.diff(self.words, prepend=-1))
        cuts = firsts[np.flatnonzero(np.diff(before[firsts] // BLOCK_CELLS, prepend=-1))]
        for start, stop in pairwise([*cuts.tolist(), len(self.words)]):
            yield slice(start, stop)

    def expand(self, block: slice, target_words: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the cells of a block and a key of each cell, which sorts by source word, then by target word."""
        lengths = self.lengths[block]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        targets = self.targets[np.repeat(self.first_targets[block], lengths) + within]
        keys = np.repeat(self.words[block].astype(np.int64) * target_words, lengths) + targets
        return np.repeat(self.first_cells[block], lengths) + within, keys
