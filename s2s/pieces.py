"""Who computes what of one batch: the shares of several processes, and the pieces of a share that memory can hold.

Shapes: B pairs of a share.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int32]


def share(pairs: Numbers, rank: int, ranks: int) -> Numbers:
    """The pairs of one of `ranks` processes; the last may have one fewer, or none."""
    return pairs[rank::ranks]


def cost(source_lengths: NDArray[np.integer], target_lengths: NDArray[np.integer]) -> int:
    """The tokens that are computed for some pairs together, none for none: sources without padding, targets with it."""
    return int(source_lengths.sum() + target_lengths.max(initial=0) * len(target_lengths))


def pieces(
    pairs: Numbers, source_lengths: NDArray[np.integer], target_lengths: NDArray[np.integer], piece_tokens: int
) -> list[Numbers]:
    """Cuts a share into as few runs as fit, and among these cuts takes one whose largest piece is smallest.

    Args:
        pairs: numbers of pairs, [B].
        source_lengths: tokens of each source, [B].
        target_lengths: tokens of each target with </s>, [B].
        piece_tokens: at most so many tokens a piece, sources without padding, targets with it; 0: no limit. A longer
            pair makes a piece of its own.
    """
    if len(pairs) == 0:
        return []
    sources, targets = (np.asarray(lengths, np.int64) for lengths in (source_lengths, target_lengths))
    if piece_tokens == 0 or cost(sources, targets) <= piece_tokens:
        return [pairs]
    single = sources + targets
    low, high = int(single[single <= piece_tokens].max(initial=1)), piece_tokens
    fewest = len(list(ends(sources, targets, high)))
    while low < high:  # the least limit that takes no more pieces
        middle = (low + high) // 2
        if len(list(ends(sources, targets, middle))) == fewest:
            high = middle
        else:
            low = middle + 1
    return np.split(pairs, list(ends(sources, targets, high))[:-1])


def ends(sources: NDArray[np.int64], targets: NDArray[np.int64], limit: int) -> Iterator[int]:
    """Where each piece ends if each takes as many pairs as fit, one at least."""
    start, total = 0, len(sources)
    while start < total:
        window = slice(start, start + limit)  # a pair has one token at least
        padded = np.maximum.accumulate(targets[window]) * np.arange(1, len(targets[window]) + 1)
        costs = np.cumsum(sources[window]) + padded
        start += max(1, int(np.searchsorted(costs, limit, side="right")))
        yield start
