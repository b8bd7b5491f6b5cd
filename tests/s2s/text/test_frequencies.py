"""Word counts added up from several parts, compared with those of a Counter."""

import random
from collections import Counter

import pyarrow as pa
import pytest

from s2s.text import frequencies
from s2s.text.frequencies import COUNTS, WordCounts, count_words, coverage, total, word_vocabulary

LINES = ["le chat voit le chien .", "É \U0001f600 \uffff", "chat", "</s> <pad> <unk> le"]


def table(words: dict[str, int]) -> pa.Table:
    return pa.table({"word": list(words), "count": list(words.values())}, schema=COUNTS)


def as_counter(counts: pa.Table) -> Counter[str]:
    words = counts["word"].to_pylist()
    assert len(words) == len(set(words))
    return Counter(dict(zip(words, counts["count"].to_pylist(), strict=True)))


def test_words_are_counted_as_a_counter_does() -> None:
    counts = count_words(pa.chunked_array([LINES[:1], [], LINES[1:]], pa.string()))
    assert as_counter(counts) == Counter(word for line in LINES for word in line.split(" "))
    assert total(counts) == sum(len(line.split(" ")) for line in LINES)


@pytest.mark.parametrize("waiting", [1, 30, 10**6])
def test_parts_add_up_whenever_they_are_summed(waiting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frequencies, "WAITING", waiting)
    draw, expected, parts = random.Random(0), Counter[str](), WordCounts()
    for _ in range(20):
        words = [str(draw.randrange(50)) for _ in range(40)]
        expected.update(words)
        parts.add(count_words(pa.chunked_array([[" ".join(words)]])))
    assert as_counter(parts.total()) == expected


def test_most_frequent_words_come_first_and_equals_by_code_point() -> None:
    counts = table({"b": 2, "\U0001f600": 2, "é": 2, "\uffff": 2, "a": 2, "z": 5, "rare": 1})
    expected = ("<pad>", "<unk>", "</s>", "z", "a", "b", "é", "\uffff", "\U0001f600")
    assert word_vocabulary(counts, size=100, min_count=2).words == expected


@pytest.mark.parametrize(("size", "kept"), [(2, ""), (3, ""), (4, "a"), (5, "ab"), (6, "abc"), (7, "abc")])
def test_word_vocabulary_is_cut_at_size_special_tokens_included(size: int, kept: str) -> None:
    assert word_vocabulary(table({"c": 1, "b": 2, "a": 3}), size, min_count=1).words[3:] == tuple(kept)


def test_text_that_looks_like_a_special_token_gets_no_entry() -> None:
    assert len(word_vocabulary(table({"</s>": 9, "<pad>": 9, "a": 1}), size=10, min_count=1)) == 4


def test_coverage_is_the_share_of_running_words_that_have_an_entry() -> None:
    words = word_vocabulary(table({"a": 3, "b": 2}), size=10, min_count=1)
    assert coverage(table({"a": 5, "b": 1, "</s>": 1, "c": 3}), words) == 0.6
    assert coverage(table({"c": 3}), words) == 0
