"""Measure how rare the words of sentences are: the mean of their frequency ranks in the training text.

Shapes: N sentences, W distinct words.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def frequency_ranks(counts: Floats) -> Floats:
    """Return the frequency rank of each word, [W]: 1 is the most frequent; words of equal counts share a mean rank.

    Half of the words of a large text occur once. Distinct ranks for them would only reflect their order in the table.
    """
    _, numbers, sizes = np.unique(-counts, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(sizes) - (sizes - 1) / 2)[numbers]
    return ranks


def mean_ranks(counts: pa.Table, lines: pa.ChunkedArray) -> Floats:
    """Return the mean frequency rank of the words of each line, [N], or 0 for an empty line (Figure 3, right).

    Args:
        counts: word counts of the training text, as `s2s.counts` returns them.
        lines: tokens joined by single spaces. Words that the training text lacks rank behind all others.
    """
    ranks = np.append(frequency_ranks(counts["count"].to_numpy().astype(np.float64)), len(counts) + 1.0)
    words = pc.split_pattern(lines, " ")
    tokens = pc.list_flatten(words)
    places = pc.index_in(tokens, counts["word"].combine_chunks()).fill_null(len(counts)).to_numpy()
    lengths = pc.list_value_length(words).to_numpy()
    there = pc.greater(pc.utf8_length(tokens), 0).to_numpy(zero_copy_only=False)  # an empty line is one empty word
    owners = np.repeat(np.arange(len(lengths)), lengths)[there]
    sums = np.bincount(owners, ranks[places[there]], minlength=len(lengths))
    return np.asarray(sums / np.maximum(np.bincount(owners, minlength=len(lengths)), 1))
