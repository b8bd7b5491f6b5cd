"""Mean frequency ranks of the words of a line."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import rankdata  # type: ignore[import-untyped]

from s2s.text import frequencies

TRAINING = ["the king sees the cat", "the cat sleeps", "the king", "a king"]
# Counts: the 4, king 3, cat 2; sees, sleeps and a have 1 each and share the mean of ranks 4, 5 and 6.
RANKS = {"the": 1, "king": 2, "cat": 3, "sees": 5, "sleeps": 5, "a": 5}
UNKNOWN = 7


def counted(lines: list[str]) -> pa.Table:
    return frequencies.count_words(pa.chunked_array([lines]))


def test_mean_ranks_are_those_of_a_table_counted_by_hand() -> None:
    lines = ["the king", "a dog sees the cat", "dog", "", "the the the", "sleeps"]
    ranks = frequencies.mean_ranks(counted(TRAINING), pa.chunked_array([lines[:2], lines[2:]]))
    wanted = [np.mean([RANKS.get(word, UNKNOWN) for word in line.split()] or [0]) for line in lines]
    assert ranks == pytest.approx(wanted)
    assert wanted[:3] == [1.5, (5 + 7 + 5 + 1 + 3) / 5, 7]


def test_ranks_are_those_of_scipy() -> None:
    draw = np.random.default_rng(1).zipf(1.5, 500).astype(np.float64)
    assert frequencies.frequency_ranks(draw) == pytest.approx(rankdata(-draw, method="average"))


def test_the_order_and_the_parts_in_which_words_were_counted_change_nothing() -> None:
    whole, parts = counted(TRAINING), frequencies.WordCounts()
    for line in reversed(TRAINING):
        parts.add(counted([line]))
    lines = pa.chunked_array([["a king sees a dog", "cat"]])
    assert frequencies.mean_ranks(parts.total(), lines).tolist() == frequencies.mean_ranks(whole, lines).tolist()


def test_without_training_text_or_lines_there_is_little_to_rank() -> None:
    assert frequencies.mean_ranks(counted(TRAINING), pa.chunked_array([[]], pa.string())).shape == (0,)
    assert frequencies.mean_ranks(counted(TRAINING).slice(0, 0), pa.chunked_array([["a b"]])).tolist() == [1.0]
