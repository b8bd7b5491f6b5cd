"""Data selection: separation of two dialects with the same words, and percentages of words."""

import functools
import random

import numpy as np
import pyarrow as pa
import pytest

from s2s.corpus import ngrams, selection
from s2s.corpus.selection import Selector, keep, sample
from s2s.errors import UserError

Columns = tuple[list[str], list[str]]
WORDS = [f"word{number}" for number in range(50)]


def dialect(name: str, pairs: int, seed: int) -> Columns:
    """Return sentences of a dialect, in which one of six words follows each word, and their translations."""
    habits = random.Random(name)
    follows = {word: habits.sample(WORDS, 6) for word in WORDS}
    dice = random.Random(seed)
    sources = []
    for _ in range(pairs):
        words = [dice.choice(WORDS)]
        while dice.random() < 0.9 or len(words) < 8:
            words.append(dice.choice(follows[words[-1]]))
        sources.append(" ".join(words))
    return sources, [source.replace("word", "mot") for source in sources]


def mixed(*parts: Columns) -> Columns:
    return [s for source, _ in parts for s in source], [t for _, target in parts for t in target]


NEWS, RECORDS = dialect("news", 3000, seed=1), dialect("records", 3000, seed=2)
CORPUS = mixed(NEWS, RECORDS)


@functools.cache
def selector() -> Selector:
    rows = sample([1] * 6000, wanted=150, seed=3)  # few, because the general model favors its own training pairs
    return selection.learn(dialect("news", 150, seed=4), pick(rows))


def pick(rows: ngrams.Integers) -> Columns:
    return [CORPUS[0][row] for row in rows], [CORPUS[1][row] for row in rows]


def test_the_half_that_is_like_the_in_domain_text_is_found() -> None:
    words = [target.count(" ") + 1 for target in CORPUS[1]]
    kept = keep(selector().score(*CORPUS), words, percent=50)
    assert 2900 <= kept.sum() <= 3100
    assert kept[:3000].sum() / kept.sum() >= 0.95


def test_both_languages_count() -> None:
    both_fit, source_fits, none_fits = (
        float(selector().score([source], [target])[0])
        for source, target in ((NEWS[0][0], NEWS[1][0]), (NEWS[0][0], RECORDS[1][0]), (RECORDS[0][0], RECORDS[1][0]))
    )
    assert both_fit < source_fits < none_fits
    assert both_fit + none_fits == pytest.approx(
        source_fits + float(selector().score([RECORDS[0][0]], [NEWS[1][0]])[0]), abs=1e-5
    )


def test_the_score_is_the_cross_entropy_difference_in_bits_a_word() -> None:
    near, far, ours = (dialect("news", 50, seed=5), dialect("records", 50, seed=6), dialect("news", 20, seed=7))
    expected = np.zeros(20)
    for text, general, asked in zip(near, far, ours, strict=True):
        words = selection.frequent(pa.array(text))
        for sign, sentences in ((1, text), (-1, general)):
            ids = selection.encode(pa.array(sentences), words)[0]
            (model,) = ngrams.learn([ids], len(words) + 3, order=4)
            for row, sentence in enumerate(asked):
                scores = model.score(selection.encode(pa.array([sentence]), words)[0])
                expected[row] -= sign * scores.sum() / (sentence.count(" ") + 2)
    assert selection.learn(near, far).score(*ours) == pytest.approx(expected, abs=1e-5)


def test_a_pair_has_the_same_score_in_any_shard_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = selector().score(*CORPUS)
    source, target = (pa.chunked_array([side[:333], side[333:]]) for side in CORPUS)
    monkeypatch.setattr(selection, "BLOCK", 70)
    parts = [selector().score(source[at : at + 500], target[at : at + 500]) for at in range(0, 6000, 500)]
    assert whole.tobytes() == np.concatenate(parts).tobytes()
    assert len(selector().score([], [])) == 0


def test_words_seen_once_are_unknown() -> None:
    words = selection.frequent(pa.array(["b a", "b a c"]))
    assert words.to_pylist() == ["a", "b"]
    ids, lengths = selection.encode(pa.array(["b c", "a"]), words)
    assert ids.tolist() == [ngrams.BEGIN, 4, ngrams.UNKNOWN, ngrams.END, ngrams.BEGIN, 3, ngrams.END]
    assert lengths.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("scores", "words", "percent", "kept"),
    [
        ([3, 1, 2, 4], [10, 10, 10, 10], 50, [1, 2]),
        ([3, 1, 2, 4], [10, 30, 30, 30], 50, [1]),  # with the next row, 60 of 100 words
        ([3, 1, 2, 4], [10, 20, 30, 40], 50, [1, 2]),  # exactly 50
        ([1, 1, 1, 1], [10, 10, 10, 10], 74, [0, 1]),  # equal scores in order of rows
        ([3, 1, 2, 4], [10, 10, 10, 10], 100, [0, 1, 2, 3]),
        ([3, 1, 2, 4], [10, 10, 10, 10], 0, []),
        ([], [], 50, []),
    ],
)
def test_the_lowest_scores_are_kept_as_far_as_the_words_go(
    scores: list[float], words: list[int], percent: float, kept: list[int]
) -> None:
    assert np.flatnonzero(keep(np.array(scores, np.float32), words, percent)).tolist() == kept


def test_a_sample_holds_about_the_words_wanted_and_is_drawn_alike_by_one_seed() -> None:
    words = np.random.default_rng(1).integers(1, 50, 100_000)
    rows = sample(words, 40_000, seed=1)
    assert (np.diff(rows) > 0).all()
    assert words[rows].sum() == pytest.approx(40_000, rel=0.05)
    assert rows.mean() == pytest.approx(50_000, rel=0.1)
    assert (rows == sample(words, 40_000, seed=1)).all()
    assert (rows[:100] != sample(words, 40_000, seed=2)[:100]).any()


@pytest.mark.parametrize(("pairs", "rows"), [(3, [0, 1, 2]), (0, [])])
def test_a_small_corpus_is_its_own_sample(pairs: int, rows: list[int]) -> None:
    assert sample([5] * pairs, 1000, seed=1).tolist() == rows


@pytest.mark.parametrize(
    ("in_domain", "general", "message"),
    [
        (([], []), NEWS, "selection: found no in-domain pairs; expected some to learn from"),
        (NEWS, ([], []), "selection: found no general pairs; expected some to learn from"),
    ],
)
def test_nothing_to_learn_from_is_told(in_domain: Columns, general: Columns, message: str) -> None:
    with pytest.raises(UserError, match=message):
        selection.learn(in_domain, general)
