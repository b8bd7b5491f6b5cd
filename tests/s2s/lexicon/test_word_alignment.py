"""The word alignment model, compared with a cell-by-cell implementation and a worked example."""

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from s2s.lexicon import cooccurrence, word_alignment
from s2s.lexicon.cooccurrence import Sentences
from s2s.lexicon.word_alignment import Alignment, AlignmentSettings, align, diagonal, digamma, newton

Pairs = list[tuple[list[int], list[int]]]


def sentences(texts: list[list[int]]) -> Sentences:
    return Sentences(
        np.array([*itertools.chain(*texts)], np.int32), np.array([len(sentence) for sentence in texts], np.int32)
    )


def aligned(pairs: Pairs, settings: AlignmentSettings) -> Alignment:
    sources, targets = zip(*pairs, strict=True)
    return align(sentences(list(sources)), sentences(list(targets)), settings)


def translation(learned: Alignment) -> dict[tuple[int, int], float]:
    """Return t(target | source) by source and target word."""
    sources = np.repeat(np.arange(len(learned.starts) - 1), np.diff(learned.starts))
    keys = zip(sources.tolist(), learned.targets.tolist(), strict=True)
    return dict(zip(keys, learned.translation.tolist(), strict=True))


def random_pairs(seed: int, count: int = 12) -> Pairs:
    """Return pairs of up to five words in which all five source and six target words occur."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, 6, (count, 2)).tolist()
    pairs = [(draw.integers(0, 5, s).tolist(), draw.integers(0, 6, t).tolist()) for s, t in lengths]
    return [*pairs, ([*range(5)], [*range(6)])]


@dataclass
class Plain:
    """Compute the same model cell by cell, with numerical derivatives for the tension."""

    t: dict[tuple[int, int], float]
    none: dict[int, float]
    tension: float
    log_likelihood: float = math.nan


def place(i: int, j: int, S: int, T: int, tension: float) -> float:
    weights = [math.exp(-tension * abs((k + 1) / S - (j + 1) / T)) for k in range(S)]
    return weights[i] / sum(weights)


def normalized(counts: dict[int, float], concentration: float) -> dict[int, float]:
    if not concentration:
        return {word: count / sum(counts.values()) for word, count in counts.items()}

    def weight(x: float) -> float:
        return math.exp(torch.digamma(torch.tensor(x, dtype=torch.float64)))

    below = weight(sum(counts.values()) + concentration * len(counts))
    return {word: weight(count + concentration) / below for word, count in counts.items()}


def step(plain: Plain, pairs: Pairs, settings: AlignmentSettings) -> Plain:
    counts, none = defaultdict[tuple[int, int], float](float), defaultdict[int, float](float)
    mass: list[tuple[float, int, int, int, int]] = []
    log_likelihood = words = 0.0
    for source, target in pairs:
        S, T = len(source), len(target)
        for j, e in enumerate(target):
            joint = [
                (1 - settings.null) * place(i, j, S, T, plain.tension) * plain.t[f, e] for i, f in enumerate(source)
            ]
            total = sum(joint) + settings.null * plain.none[e]
            none[e] += settings.null * plain.none[e] / total
            for i, f in enumerate(source):
                counts[f, e] += joint[i] / total
                mass.append((joint[i] / total, i, j, S, T))
            log_likelihood += math.log(total)
            words += 1

    def expected(tension: float) -> float:
        return sum(weight * math.log(place(i, j, S, T, tension)) for weight, i, j, S, T in mass)

    h = 1e-4
    below, center, above = (expected(plain.tension + shift) for shift in (-h, 0, h))
    tension = newton(plain.tension, (above - below) / (2 * h), -(above - 2 * center + below) / h**2)
    rows = {f: {e: count for (g, e), count in counts.items() if g == f} for f in {f for f, _ in counts}}
    t = {(f, e): p for f, row in rows.items() for e, p in normalized(row, settings.concentration).items()}
    return Plain(t, normalized(none, settings.concentration), tension, log_likelihood / words)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "settings",
    [
        AlignmentSettings(iterations=3),
        AlignmentSettings(iterations=4, concentration=0, null=0.2),
        AlignmentSettings(iterations=2, tension=0, concentration=0.5, null=0),
    ],
    ids=["defaults", "maximum likelihood", "model 1"],
)
def test_learning_is_that_of_the_model_written_out(settings: AlignmentSettings, seed: int) -> None:
    pairs = random_pairs(seed)
    together = {(f, e) for source, target in pairs for f in source for e in target}
    plain = Plain(dict.fromkeys(together, 1 / 6), dict.fromkeys(range(6), 1 / 6), settings.tension)
    log_likelihoods = []
    for _ in range(settings.iterations):
        plain = step(plain, pairs, settings)
        log_likelihoods.append(plain.log_likelihood)
    learned = aligned(pairs, settings)
    assert learned.tension == pytest.approx(plain.tension, rel=1e-4)  # numerical derivatives
    assert learned.log_likelihoods == pytest.approx(log_likelihoods, rel=1e-5)
    assert translation(learned) == pytest.approx(plain.t, rel=1e-3, abs=1e-9)
    assert learned.unaligned.tolist() == pytest.approx([plain.none[e] for e in range(6)], rel=1e-3, abs=1e-9)


def test_das_haus_das_buch_ein_buch() -> None:
    # The example of Koehn, Statistical Machine Translation (2010), section 4.2.3, for IBM model 1.
    das, haus, buch, ein = range(4)
    the, house, book, a = range(4)
    pairs: Pairs = [([das, haus], [the, house]), ([das, buch], [the, book]), ([ein, buch], [a, book])]
    for iterations, expected in (
        (1, {(das, the): 0.5, (das, book): 0.25, (das, house): 0.25, (haus, the): 0.5, (ein, a): 0.5}),
        (2, {(das, the): 0.6364, (das, book): 0.1818, (haus, house): 0.5714, (buch, book): 0.6364}),
        (3, {(das, the): 0.7479, (das, book): 0.1208, (das, house): 0.1313, (haus, house): 0.6534}),
    ):
        settings = AlignmentSettings(iterations, null=0, tension=0, concentration=0)
        learned = translation(aligned(pairs, settings))
        assert {words: learned[words] for words in expected} == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_likelihood_never_falls(seed: int) -> None:
    learned = aligned(random_pairs(seed), AlignmentSettings(iterations=30, concentration=0)).log_likelihoods
    assert min(np.diff(learned)) > -1e-12
    assert learned[-1] > learned[0] + 0.1


def test_text_in_the_same_order_has_more_tension_than_shuffled_text() -> None:
    draw = np.random.default_rng(1)
    sources = [draw.integers(0, 50, 10).tolist() for _ in range(200)]
    sources[0] = list(range(50))
    in_order = aligned([(sentence, sentence) for sentence in sources], AlignmentSettings(iterations=10))
    shuffled = aligned(
        [(sentence, draw.permutation(sentence).tolist()) for sentence in sources], AlignmentSettings(iterations=10)
    )
    assert in_order.tension > 30
    assert shuffled.tension < 2
    assert translation(shuffled)[7, 7] > 0.8


def test_the_result_does_not_depend_on_how_the_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = random_pairs(3)
    whole = aligned(pairs, AlignmentSettings())
    for room, name in ((cooccurrence, "GROUP_CELLS"), (cooccurrence, "BLOCK_CELLS"), (word_alignment, "BLOCK")):
        monkeypatch.setattr(room, name, 3)
    assert translation(aligned(pairs, AlignmentSettings())) == pytest.approx(translation(whole), rel=1e-9)


def test_the_same_input_gives_the_same_bytes() -> None:
    first, second = (aligned(random_pairs(4), AlignmentSettings()) for _ in range(2))
    assert first.translation.tobytes() == second.translation.tobytes()


def test_places_on_the_diagonal_are_the_likeliest() -> None:
    prior = diagonal(3, 6, 4.0)
    assert prior.sum(axis=0) == pytest.approx(np.ones(6))
    assert prior[:, [1, 3, 5]].argmax(axis=0).tolist() == [0, 1, 2]
    assert diagonal(4, 2, 0.0) == pytest.approx(np.full((4, 2), 0.25))


def test_digamma_is_that_of_torch() -> None:
    x = np.geomspace(1e-3, 1e6, 1000)
    assert digamma(x) == pytest.approx(torch.digamma(torch.from_numpy(x)).numpy(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("tension", "slope", "curvature", "expected"),
    [(4.0, 2.0, 4.0, 4.5), (4.0, 9.0, 1.0, 8.0), (4.0, -9.0, 1.0, 2.0), (40.0, 99.0, 1.0, 50.0), (4.0, 1.0, 0.0, 4.0)],
)
def test_a_step_of_the_tension_stays_in_bounds(tension: float, slope: float, curvature: float, expected: float) -> None:
    assert newton(tension, slope, curvature) == expected
