"""Runs of pairs of about equal length, from an order of pairs by length.

Shapes: N pairs.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Cell(NamedTuple):
    """The pairs of one source length and one target length: a run of the order."""

    source: int  # tokens of each
    target: int
    end: int  # where the run ends


def cells(order: NDArray[np.int32], source: NDArray[np.int64], target: NDArray[np.int64]) -> Iterator[Cell]:
    """The cells of a corpus, one behind the other.

    Their ends are searched for: of millions of pairs it looks at some ten thousand.

    Args:
        order: the numbers of the pairs by source length, then target length, [N].
        source: where each source starts, and at last where the last ends, [N + 1].
        target: likewise.
    """
    order = np.asarray(order)  # one by one, items of a plain array come faster than those of a mapped one
    offsets = [np.asarray(source), np.asarray(target)]
    total, start = len(order), 0

    def lengths(pair: np.int32) -> list[int]:
        return [int(side[pair + 1] - side[pair]) for side in offsets]

    while start < total:
        here, step = lengths(order[start]), 1
        while start + step < total and lengths(order[start + step]) == here:
            step *= 2
        start = bisect_right(order, here, start + step // 2, min(start + step, total), key=lengths)
        yield Cell(here[0], here[1], start)


def cut(found: Sequence[Cell], batch_sentences: int, batch_tokens: int) -> Iterator[int]:
    """The ends of batches, each the longest run within both limits of `data.bucket`."""
    start = first = 0  # `first` is the cell of `start`
    total = found[-1].end if found else 0
    while start < total:
        end = fitting(found, first, start, min(total, start + batch_sentences), batch_tokens)
        yield end
        while end < total and found[first].end <= end:
            first += 1
        start = end


def fitting(found: Sequence[Cell], first: int, start: int, limit: int, batch_tokens: int) -> int:
    """How far a batch from `start` in cell `first` reaches: to `limit`, or to as many tokens; one pair at least."""
    end, longest, number = start + 1, 1, first
    while True:  # `limit` is in one of the cells
        longest = max(longest, found[number].target)
        fits = min(limit, start + batch_tokens // longest)
        if fits <= found[number].end:
            return max(end, fits)
        end = found[number].end
        number += 1
