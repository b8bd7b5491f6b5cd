"""Count the words of a text in parts, in memory that grows with the distinct words only, and rank rare ones."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from s2s.text.vocabulary import SPECIAL, WordVocabulary

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
        counts: word counts of the training text, as `s2s.text.frequencies` returns them.
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


COUNTS = pa.schema([pa.field("word", pa.string()), pa.field("count", pa.int64())])
WAITING = 2_000_000  # rows of counts that wait to be summed, at least: 60 MB


def count_words(lines: pa.ChunkedArray) -> pa.Table:
    """Return the columns `word` and `count` for lines of words joined by single spaces.

    `collections.Counter` takes three times as long.
    """
    counted = pc.value_counts(pc.list_flatten(pc.split_pattern(lines, " ")))
    return pa.Table.from_arrays(counted.flatten(), schema=COUNTS)


class WordCounts:
    """Sum of the word counts of several parts of a text; 20 bytes a distinct word, 130 during summing."""

    def __init__(self) -> None:
        self.summed = COUNTS.empty_table()
        self.waiting: list[pa.Table] = []

    def add(self, counts: pa.Table) -> None:
        """Add the counts of a part.

        Counts are summed only when as many rows wait as the sum has words, which happens a few times in all.
        """
        self.waiting.append(counts)
        if sum(map(len, self.waiting)) >= max(WAITING, len(self.summed)):
            self.total()

    def total(self) -> pa.Table:
        """Return the counts of all parts, one row for each word, in no defined order."""
        if self.waiting:
            parts = pa.concat_tables([self.summed, *self.waiting])
            self.waiting = []
            groups = parts.group_by("word", use_threads=False).aggregate([("count", "sum")])
            self.summed = groups.select(["word", "count_sum"]).rename_columns(COUNTS.names)
        return self.summed


def word_vocabulary(counts: pa.Table, size: int, min_count: int) -> WordVocabulary:
    """Make a vocabulary of the most frequent words; equally frequent words are ordered by code point.

    Args:
        counts: word counts of the training text.
        size: the most entries, including <pad>, <unk> and </s>.
        min_count: words with lower counts are left out.
    """
    is_special = pc.is_in(counts["word"], pa.array(SPECIAL))
    frequent = counts.filter(pc.and_not(pc.greater_equal(counts["count"], min_count), is_special))
    if not len(frequent):  # of which Arrow cannot select
        return WordVocabulary([])
    by_frequency = [("count", "descending"), ("word", "ascending")]  # UTF-8 sorts as code points do
    kept = pc.select_k_unstable(frequent, max(0, size - len(SPECIAL)), sort_keys=by_frequency)
    return WordVocabulary(frequent["word"].take(kept).to_pylist())


def coverage(counts: pa.Table, vocabulary: WordVocabulary) -> float:
    """Return the share of a text's tokens that are in a vocabulary."""
    covered = counts.filter(pc.is_in(counts["word"], vocabulary.known))
    return total(covered) / total(counts)


def total(counts: pa.Table) -> int:
    """Return the number of tokens counted."""
    tokens: Any = pc.sum(counts["count"], min_count=0).as_py()
    return int(tokens)
