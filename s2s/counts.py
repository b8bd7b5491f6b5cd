"""How often each word of a text occurs: counted in parts, in memory that grows with the distinct words alone."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from s2s.vocabulary import SPECIAL, WordVocabulary

COUNTS = pa.schema([pa.field("word", pa.string()), pa.field("count", pa.int64())])
WAITING = 2_000_000  # words counted in parts and not yet summed, at least: 60 MB


def count_words(lines: pa.ChunkedArray) -> pa.Table:
    """Counts the words of lines, in which they are joined by single spaces; a `Counter` takes three times as long."""
    counted = pc.value_counts(pc.list_flatten(pc.split_pattern(lines, " ")))
    return pa.Table.from_arrays(counted.flatten(), schema=COUNTS)


class WordCounts:
    """The sum of counts of parts of a text. A distinct word takes 20 bytes, and 130 for the moment of summing."""

    def __init__(self) -> None:
        self.summed = COUNTS.empty_table()
        self.waiting: list[pa.Table] = []

    def add(self, counts: pa.Table) -> None:
        """Adds the counts of a part. They are summed once they are as many as the sum has words: a few times in all."""
        self.waiting.append(counts)
        if sum(map(len, self.waiting)) >= max(WAITING, len(self.summed)):
            self.total()

    def total(self) -> pa.Table:
        """The words of all parts, each once, in no certain order."""
        if self.waiting:
            parts = pa.concat_tables([self.summed, *self.waiting])
            self.waiting = []
            groups = parts.group_by("word", use_threads=False).aggregate([("count", "sum")])
            self.summed = groups.select(["word", "count_sum"]).rename_columns(COUNTS.names)
        return self.summed


def word_vocabulary(counts: pa.Table, size: int, min_count: int) -> WordVocabulary:
    """Keeps the most frequent words; among equals, those first by code point.

    Args:
        counts: how often each word occurs in the training text.
        size: so many entries at most, <pad>, <unk> and </s> included.
        min_count: rarer words are left out.
    """
    is_special = pc.is_in(counts["word"], pa.array(SPECIAL))
    frequent = counts.filter(pc.and_not(pc.greater_equal(counts["count"], min_count), is_special))
    by_frequency = [("count", "descending"), ("word", "ascending")]  # UTF-8 sorts as code points do
    kept = pc.select_k_unstable(frequent, max(0, size - len(SPECIAL)), sort_keys=by_frequency)
    return WordVocabulary(frequent["word"].take(kept).to_pylist())


def coverage(counts: pa.Table, vocabulary: WordVocabulary) -> float:
    """The share of a text's tokens that a vocabulary knows."""
    known = counts.filter(pc.is_in(counts["word"], vocabulary.known))
    return total(known) / total(counts)


def total(counts: pa.Table) -> int:
    """Tokens that were counted."""
    tokens: Any = pc.sum(counts["count"], min_count=0).as_py()
    return int(tokens)
