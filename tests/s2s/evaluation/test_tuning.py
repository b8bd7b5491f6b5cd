"""Tuning compared with exhaustive search, the oracle with all choices, and both with sacreBLEU."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from s2s.evaluation import candidates, tuning
from s2s.evaluation.candidates import Candidates, count_matches, oracle

WORDS = ["le", "roi", "voit", "la", "reine", "et", "chat", "un"]


def texts(seed: int, sentences: int, most: int, words: int = 12) -> tuple[list[list[str]], list[str]]:
    """Return lists of candidates that each miss some words of their reference, and the references."""
    draw = np.random.default_rng(seed)
    lists, references = [], []
    for _ in range(sentences):
        right = draw.choice(WORDS, words).tolist()
        references.append(" ".join(right))
        size = int(draw.integers(1, most + 1))
        errors = draw.integers(0, 5, size)
        lists.append([" ".join(damaged(right, int(count), draw)) for count in errors])
    return lists, references


def damaged(right: list[str], errors: int, draw: np.random.Generator) -> list[str]:
    words = list(right)
    for _ in range(errors):
        words[draw.integers(len(words))] = "?"
        if draw.random() < 0.3:
            words.pop()
    return words


def corpus(lists: list[list[str]], references: list[str], features: NDArray[np.float64]) -> Candidates:
    counts = np.concatenate([count_matches(*pair) for pair in zip(lists, references, strict=True)])
    return Candidates(np.cumsum([0, *map(len, lists)]), features, counts)


def drawn(seed: int, sentences: int = 6, most: int = 5, features: int = 2) -> Candidates:
    lists, references = texts(seed, sentences, most)
    values = np.random.default_rng(seed + 100).normal(size=(sum(map(len, lists)), features))
    return corpus(lists, references, values)


def flat(lists: list[list[str]]) -> list[str]:
    return [candidate for candidates in lists for candidate in candidates]


@pytest.mark.parametrize(
    "hypotheses",
    [
        ["le roi voit la reine et le chat", "un chat voit"],
        ["le roi voit la reine et", "le chat"],
        ["", "le roi voit la reine"],
        ["", ""],
        ["le roi voit le chat la reine", "un"],
        ["le roi voit la reine et le chat et le roi et la reine", "un chat voit la reine"],
    ],
)
def test_bleu_is_that_of_sacrebleu(hypotheses: list[str]) -> None:
    references = ["le roi voit la reine et le chat", "un chat voit la reine"]
    metric = BLEU(tokenize="none", smooth_method="none", force=True)
    counts = np.concatenate(
        [count_matches([candidate], right) for candidate, right in zip(hypotheses, references, strict=True)]
    )
    assert counts.tolist() == metric._extract_corpus_statistics(hypotheses, [references])
    assert candidates.bleu(counts.sum(axis=0)) == pytest.approx(metric.corpus_score(hypotheses, [references]).score)


@pytest.mark.parametrize("seed", range(20))
def test_no_point_of_a_line_is_better_than_the_one_that_is_found(seed: int) -> None:
    lists = drawn(seed, features=3)
    draw = np.random.default_rng(seed)
    weights, direction = draw.normal(size=(2, 3))
    heights, slopes = lists.features @ weights, lists.features @ direction
    reached = lists.bleu(lists.choose(tuning.search_line(lists, weights, direction)))
    # BLEU changes only where two lines cross, so one point between neighboring crossings is enough.
    crossings = [
        (heights[i] - heights[j]) / (slopes[j] - slopes[i])
        for start, end in itertools.pairwise(lists.starts)
        for i, j in itertools.combinations(range(start, end), 2)
    ]
    points = np.sort([*crossings, min(crossings) - 2, max(crossings) + 2])
    every = [lists.bleu(lists.choose(weights + direction * step)) for step in (points[1:] + points[:-1]) / 2]
    assert reached == pytest.approx(max(every), abs=1e-9)


def test_lines_that_cross_in_one_point_or_are_equal_turn_once() -> None:
    counts = np.zeros((6, candidates.WIDTH), np.int64)
    features = np.array([[0.0, -1.0], [0.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, -1.0], [-1.0, -1.0]])
    first, turns = tuning.envelopes(Candidates(np.array([0, 6]), features, counts), features[:, 0], features[:, 1])
    assert first.tolist() == [0]
    assert (turns.steps.tolist(), turns.old.tolist(), turns.new.tolist()) == ([0.0], [0], [2])


@pytest.mark.parametrize("seed", range(6))
def test_tuned_weights_reach_what_all_angles_reach(seed: int) -> None:
    lists = drawn(seed, sentences=4, most=4)
    angles = np.linspace(0, 2 * np.pi, 7200)
    every = [lists.bleu(lists.choose(np.array([np.cos(angle), np.sin(angle)]))) for angle in angles]
    tuned = tuning.tune(lists, np.array([0.5, 0.5]), restarts=10, seed=1)
    assert tuned.bleu >= max(every) - 1e-9
    assert tuned.bleu == lists.bleu(lists.choose(tuned.weights))
    assert np.abs(tuned.weights).sum() == pytest.approx(1)


def test_tuning_finds_the_feature_that_says_the_truth_and_leaves_the_noise() -> None:
    lists, references = texts(3, sentences=60, most=8)
    draw = np.random.default_rng(1)
    right = [-candidate.count("?") - (12 - len(candidate.split())) for candidate in flat(lists)]
    features = np.column_stack([1000 * draw.normal(size=len(right)), np.array(right) / 1000])
    development = corpus(lists, references, features)
    tuned = tuning.tune(development, np.array([0.5, 0.5]), restarts=3, seed=1)
    assert tuned.bleu > development.bleu(development.choose(np.array([0.5, 0.5]))) + 10
    assert abs(tuned.weights[1] / 1000) > 5 * abs(tuned.weights[0] * 1000)
    assert tuned.weights[1] > 0


def test_tuning_is_the_same_each_time_and_never_worse_than_its_start() -> None:
    lists = drawn(5, sentences=20)
    start = np.array([0.5, 0.5])
    first, again = (tuning.tune(lists, start, restarts=4, seed=2) for _ in range(2))
    assert first.weights.tolist() == again.weights.tolist()
    assert first.bleu >= lists.bleu(lists.choose(start))


@pytest.mark.parametrize("seed", range(4))
def test_tuning_ends_where_no_axis_leads_higher(seed: int) -> None:
    lists = drawn(seed, sentences=12, most=6, features=3)
    tuned = tuning.tune(lists, np.full(3, 1 / 3), restarts=0, seed=1)
    for axis in np.eye(3):
        further = tuning.search_line(lists, tuned.weights, axis)
        assert lists.bleu(lists.choose(further)) <= tuned.bleu + 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_tuning_does_not_depend_on_the_units_of_features(seed: int) -> None:
    lists = drawn(seed, sentences=12, most=6, features=3)
    units = np.array([64.0, 1.0, 0.125])
    scaled = Candidates(lists.starts, lists.features * units, lists.counts)
    start = np.array([0.5, 0.3, 0.2])
    tuned, changed = tuning.tune(lists, start, 2, seed=1), tuning.tune(scaled, start / units, 2, seed=1)
    assert changed.bleu == pytest.approx(tuned.bleu)
    weights = changed.weights * units
    assert weights / np.abs(weights).sum() == pytest.approx(tuned.weights, abs=1e-6)


def test_a_candidate_that_leads_for_no_more_than_rounding_is_passed_over() -> None:
    lists, references = texts(1, sentences=1, most=1)
    features = np.array([[1 / 3, -1.0], [1e-12, 0.0], [-1 / 3, 1.0]])
    peak = corpus([["? ? ? ?", references[0], lists[0][0]]], references, features)
    reached = tuning.search_line(peak, np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert abs(reached[1] - 1 / 3) > 0.1
    assert peak.choose(reached).tolist() == [2]


def test_where_nothing_can_be_gained_the_start_stays() -> None:
    lists, references = texts(1, sentences=3, most=1)
    single = corpus([[candidate[0]] for candidate in lists], references, np.ones((3, 2)))
    tuned = tuning.tune(single, np.array([0.5, 0.5]), restarts=2, seed=1)
    assert tuned.weights.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("seed", range(10))
def test_the_oracle_is_near_the_best_of_all_choices(seed: int) -> None:
    lists = drawn(seed, sentences=4, most=5)
    ranges = [range(*pair) for pair in itertools.pairwise(lists.starts)]
    best = max(lists.bleu(np.array(choice)) for choice in itertools.product(*ranges))
    reached = lists.bleu(oracle(lists))
    assert best - 1.0 <= reached <= best + 1e-9
    assert reached >= lists.bleu(lists.starts[:-1])


@pytest.mark.parametrize("seed", range(4))
def test_no_single_exchange_improves_the_oracle(seed: int) -> None:
    draw = np.random.default_rng(seed)
    lengths, right = draw.integers(4, 30, (300, 1)), draw.random((300, 4)).cumprod(axis=1)
    ngrams = lengths - np.arange(4)
    counts = np.hstack(
        (lengths, np.repeat(draw.integers(10, 25, (30, 1)), 10, axis=0), (right * ngrams).astype(int), ngrams)
    )
    lists = Candidates(np.arange(0, 301, 10), np.zeros((300, 1)), counts)
    reached = oracle(lists)
    for sentence, (start, end) in enumerate(itertools.pairwise(lists.starts)):
        for place in range(start, end):
            changed = reached.copy()
            changed[sentence] = place
            assert lists.bleu(changed) <= lists.bleu(reached) + 1e-9


def test_a_perfect_scorer_reaches_the_oracle() -> None:
    lists, references = texts(7, sentences=30, most=6)
    for candidates_, reference in zip(lists, references, strict=True):
        candidates_.append(reference)
    right = np.array([float(candidate in references) for candidate in flat(lists)])
    perfect = corpus(lists, references, np.column_stack([np.zeros_like(right), right]))
    assert perfect.bleu(perfect.choose(np.array([0.5, 0.5]))) == pytest.approx(100)
    assert perfect.bleu(oracle(perfect)) == pytest.approx(100)


def test_of_equal_candidates_the_first_is_chosen() -> None:
    lists, references = texts(1, sentences=2, most=4)
    same = corpus(lists, references, np.ones((sum(map(len, lists)), 1)))
    assert same.choose(np.array([1.0])).tolist() == same.starts[:-1].tolist()
