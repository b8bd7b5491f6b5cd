"""Division of pairs that are sorted by length into batches of about equal length.

Shapes: N pairs.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2s.data.corpus import EncodedCorpus


class Cell(NamedTuple):
    """The pairs of one source length and one target length, a run in the sorted order."""

    source: int  # tokens
    target: int  # tokens
    end: int  # index in the order, exclusive


def cells(order: NDArray[np.int32], source: NDArray[np.int64], target: NDArray[np.int64]) -> Iterator[Cell]:
    """Yield the cells of a corpus in their order.

    Ends of cells are found by search, which reads some ten thousand of millions of pairs.

    Args:
        order: pair numbers sorted by source length, then target length, [N].
        source: the start of each source, and the end of the last, [N + 1].
        target: the same of the targets, [N + 1].
    """
    order = np.asarray(order)  # single items are read faster from a plain array than from a memory map
    offsets = [np.asarray(source), np.asarray(target)]
    total, start = len(order), 0

    def lengths(pair: np.int32) -> list[int]:
        return [int(side[pair + 1] - side[pair]) for side in offsets]

    while start < total:
        cell_lengths, step = lengths(order[start]), 1
        while start + step < total and lengths(order[start + step]) == cell_lengths:
            step *= 2
        start = bisect_right(order, cell_lengths, start + step // 2, min(start + step, total), key=lengths)
        yield Cell(cell_lengths[0], cell_lengths[1], start)


def cut(runs: Sequence[Cell], batch_sentences: int, batch_tokens: int) -> Iterator[int]:
    """Yield the end of each batch, the longest run of pairs within both limits of `bucket`."""
    start = first = 0  # `first` is the cell of `start`
    total = runs[-1].end if runs else 0
    while start < total:
        end = fitting(runs, first, start, min(total, start + batch_sentences), batch_tokens)
        yield end
        while end < total and runs[first].end <= end:
            first += 1
        start = end


def fitting(runs: Sequence[Cell], first: int, start: int, limit: int, batch_tokens: int) -> int:
    """Return the end of the longest batch from `start`, which has one pair at least.

    Args:
        runs: all cells.
        first: number of the cell in which the batch starts.
        start: index of the batch's first pair.
        limit: the largest end.
        batch_tokens: padded target tokens, at most.
    """
    end, longest, number = start + 1, 1, first
    while True:  # it ends, because `limit` is in one of the cells
        longest = max(longest, runs[number].target)
        fitting_end = min(limit, start + batch_tokens // longest)
        if fitting_end <= runs[number].end:
            return max(end, fitting_end)
        end = runs[number].end
        number += 1


def bucket(
    corpus: EncodedCorpus, batch_sentences: int, batch_tokens: int, shuffle: np.random.Generator | None = None
) -> list[NDArray[np.int32]]:
    """Divide a corpus into batches of pairs of about equal length (Sutskever et al. 2014, section 3.4).

    Args:
        corpus: the pairs.
        batch_sentences: pairs a batch, at most.
        batch_tokens: target tokens a batch with padding, at most; a longer sentence makes a batch of its own.
        shuffle: draws the order of pairs of equal length and the order of batches; None: both are fixed.

    Returns:
        The pair numbers of each batch; every pair is in exactly one batch.
    """
    order = np.array(corpus.order)
    runs = list(cells(corpus.order, corpus.source.offsets, corpus.target.offsets))
    if shuffle is not None:
        for before, cell in pairwise((Cell(0, 0, 0), *runs)):
            shuffle.shuffle(order[before.end : cell.end])
    bounds = [0, *cut(runs, batch_sentences, batch_tokens)]
    batches = [order[start:end] for start, end in pairwise(bounds)]
    if shuffle is not None:
        batches = [batches[number] for number in shuffle.permutation(len(batches))]
    return batches


def mixed(
    corpus: EncodedCorpus, batch_sentences: int, batch_tokens: int, shuffle: np.random.Generator
) -> list[NDArray[np.int32]]:
    """Divide a corpus into batches of pairs of any lengths, for comparison with `bucket`.

    The arguments and the result are those of `bucket`.
    """
    order = shuffle.permutation(len(corpus)).astype(np.int32)
    bounds = [0]
    while bounds[-1] < len(order):
        targets = corpus.target.lengths_of(order[bounds[-1] : bounds[-1] + batch_sentences])
        tokens = np.maximum.accumulate(targets) * np.arange(1, len(targets) + 1)  # of the first 1, 2, .. pairs, padded
        bounds.append(bounds[-1] + max(1, int(np.searchsorted(tokens, batch_tokens, side="right"))))
    return [order[start:end] for start, end in pairwise(bounds)]
