"""Which words occur in pairs of sentences together, numbered so that a table of them is one flat array.

Shapes: N pairs of the same lengths, S source length, T target length. A cell is a word of a source sentence with a word
of its translation; a pair has S * T of them.
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
    """Sentences of numbered words: the ids of all in a row, and how many each has."""

    ids: Integers
    lengths: Integers

    def take(self, rows: NDArray[np.intp], starts: NDArray[np.int64]) -> Integers:
        """The sentences of the given numbers, which have one length: [N, length]; `starts` are those of all."""
        return self.ids[starts[rows][:, None] + np.arange(self.lengths[rows[0]])]

    def starts(self) -> NDArray[np.int64]:
        """Where each sentence starts."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths


@dataclass(frozen=True)
class Group:
    """Pairs of the same lengths."""

    sources: Integers  # [N, S]
    targets: Integers  # [N, T]
    rows: NDArray[np.intp]  # which pairs they are, [N]


def groups(source: Sentences, target: Sentences) -> Iterator[Group]:
    """Puts pairs of the same lengths together; no side of a pair is empty."""
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
    """The distinct pairs of words that share a cell, by source word, then target word: the entries of a table."""

    starts: NDArray[np.int64]  # where the entries of each source word start, and the end
    targets: Integers  # of each entry
    numbers: NDArray[np.int32]  # the entry of each cell, of the groups in order, each [N, S, T]


def number(parts: list[Group], source_words: int, target_words: int) -> Cooccurrences:
    """Numbers the entries of all cells, in memory of 4 bytes a cell, 4 an entry and a block of cells.

    Args:
        parts: all pairs.
        source_words: ids are below; each occurs.
        target_words: ids are below.
    """
    runs = Runs(parts)
    numbers = np.empty(runs.cells, np.int32)
    counts = np.zeros(source_words, np.int64)
    found: list[Integers] = []
    entries = 0
    for block in runs.blocks():
        cells, keys = runs.expand(block, target_words)
        distinct, places, inverse = sort(keys)
        numbers[cells[places]] = inverse + entries
        entries += len(distinct)
        assert entries <= np.iinfo(np.int32).max, "fewer pairs of words than 2^31"
        counts += np.bincount(distinct // target_words, minlength=source_words)
        found.append((distinct % target_words).astype(np.int32))
    return Cooccurrences(np.concatenate([[0], np.cumsum(counts)]), np.concatenate(found), numbers)


def sort(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct keys in order, the places of all keys in order, and the number of the key at each of these places.

    Key and place are sorted as one number, in less than half the time that `np.unique` takes.
    """
    bits, least = len(keys).bit_length(), int(keys.min())
    assert int(keys.max()) - least < 1 << (63 - bits), "key and place fit into 63 bits"
    packed = (keys - least << bits) + np.arange(len(keys))
    packed.sort()
    in_order = (packed >> bits) + least
    is_new = np.diff(in_order, prepend=-1) != 0
    return in_order[is_new], packed & ((1 << bits) - 1), np.cumsum(is_new) - 1


class Runs:
    """The cells of each occurrence of a source word, which lie in a row: one for each word of the target sentence."""

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
        """Cuts the runs, ordered by source word, between words, into blocks of about `BLOCK_CELLS` cells."""
        before = np.cumsum(self.lengths) - self.lengths
        firsts = np.flatnonzero(np.diff(self.words, prepend=-1))
        cuts = firsts[np.flatnonzero(np.diff(before[firsts] // BLOCK_CELLS, prepend=-1))]
        for start, stop in pairwise([*cuts.tolist(), len(self.words)]):
            yield slice(start, stop)

    def expand(self, block: slice, target_words: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The cells of a block, and a number for the two words of each that sorts by source, then target word."""
        lengths = self.lengths[block]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        targets = self.targets[np.repeat(self.first_targets[block], lengths) + within]
        keys = np.repeat(self.words[block].astype(np.int64) * target_words, lengths) + targets
        return np.repeat(self.first_cells[block], lengths) + within, keys
