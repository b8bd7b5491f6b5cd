"""Division of a batch into shares of processes, and of a share into pieces that fit into memory.

Shapes: B pairs of a share.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int32]


def share(pairs: Numbers, rank: int, ranks: int) -> Numbers:
    """Return one process's pairs of a batch, of which all `ranks` processes have equally many, or one fewer."""
    return pairs[rank::ranks]


def cost(source_lengths: NDArray[np.integer], target_lengths: NDArray[np.integer]) -> int:
    """Count the tokens computed for a batch of pairs (0 if empty): sources unpadded, targets padded."""
    return int(source_lengths.sum() + target_lengths.max(initial=0) * len(target_lengths))


def pieces(
    pairs: Numbers, source_lengths: NDArray[np.integer], target_lengths: NDArray[np.integer], piece_tokens: int
) -> list[Numbers]:
    """Divide a share into the fewest pieces that fit, with the largest piece as small as possible.

    Args:
        pairs: pair numbers, [B].
        source_lengths: tokens of each source, [B].
        target_lengths: tokens of each target with </s>, [B].
        piece_tokens: tokens a piece, at most, counted as in `cost`; 0: no limit. A longer pair makes a piece of its
            own.
    """
    if len(pairs) == 0:
        return []
    sources, targets = (np.asarray(lengths, np.int64) for lengths in (source_lengths, target_lengths))
    if piece_tokens == 0 or cost(sources, targets) <= piece_tokens:
        return [pairs]
    single = sources + targets
    low, high = int(single[single <= piece_tokens].max(initial=1)), piece_tokens
    fewest = len(list(ends(sources, targets, high)))
    while low < high:  # bisection for the lowest limit that needs no more pieces
        middle = (low + high) // 2
        if len(list(ends(sources, targets, middle))) == fewest:
            high = middle
        else:
            low = middle + 1
    return np.split(pairs, list(ends(sources, targets, high))[:-1])


def ends(sources: NDArray[np.int64], targets: NDArray[np.int64], limit: int) -> Iterator[int]:
    """Yield the end of each piece if each has as many pairs as fit, one at least."""
    start, total = 0, len(sources)
    while start < total:
        window = slice(start, start + limit)  # no more pairs fit, since each has one token at least
        padded = np.maximum.accumulate(targets[window]) * np.arange(1, len(targets[window]) + 1)
        costs = np.cumsum(sources[window]) + padded
        start += max(1, int(np.searchsorted(costs, limit, side="right")))
        yield start
