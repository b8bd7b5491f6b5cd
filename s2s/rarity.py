"""How rare the words of a sentence are: the mean of their ranks by frequency in the training text.

Shapes: N sentences, W distinct words.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def frequency_ranks(counts: Floats) -> Floats:
    """The place of each word by its count, [W]: 1 is the most frequent, and equals share the mean of their places.

    Half of the words of a large text occur once: by places of their own, their rank would be that of the alphabet.
    """
    _, numbers, sizes = np.unique(-counts, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(sizes) - (sizes - 1) / 2)[numbers]
    return ranks


def mean_ranks(counts: pa.Table, lines: pa.ChunkedArray) -> Floats:
    """The mean frequency rank of the words of each line, [N]; a line of no word has 0 (Figure 3, right).

    Args:
        counts: how often each word occurs in the training text, as `s2s.counts` counts them.
        lines: tokens joined by single spaces. One that is not in the training text ranks behind all that are.
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
