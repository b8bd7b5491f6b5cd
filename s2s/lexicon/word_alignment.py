"""Align the words of sentence pairs by IBM model 2 with a prior along the diagonal (Dyer et al. 2013).

Target word e at position j of T translates source word f at position i of S, or no word (none), with probability

    P(e, i | j) = (1 - null) * exp(-tension * |i / S - j / T|) / Z * t(e | f),    P(e, none) = null * t(e | none)

where positions count from 1. Expectation maximization learns t and the tension.

Shapes: N pairs of the same lengths, S source length, T target length, F source words, E target words, C pairs of words
that occur together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from s2s.lexicon.cooccurrence import Cooccurrences, Group, Sentences, groups, number

Floats = NDArray[np.float64]
BLOCK = 1 << 17  # entries: temporary arrays of 1 MB, which stay in a processor's cache
TENSIONS = 0.1, 50.0  # bounds: from nearly no prior to a prior that allows the diagonal alone
STEP = 2.0  # the largest factor by which the tension changes in an iteration


@dataclass(frozen=True)
class AlignmentSettings:
    """Settings of the training of an alignment model."""

    iterations: int = 5
    null: float = 0.08
    """Probability that a target word translates no source word; the value of Dyer et al."""
    tension: float = 4.0
    """Initial tension; 0 keeps a uniform prior over source positions."""
    concentration: float = 0.01
    """Concentration of the Dirichlet prior of t(. | f), by variational Bayes. Below 1, rare words do not collect spare
    probability (Riley & Gildea 2012). 0 is maximum likelihood, which drives the tension to its limit on small text."""

    def __post_init__(self) -> None:
        assert self.iterations >= 1
        assert 0 <= self.null < 1
        assert self.tension >= 0
        assert self.concentration >= 0


@dataclass(frozen=True)
class Alignment:
    """A trained alignment model.

    Its entries are the pairs of words that occur together, ordered by source word, then by target word.
    """

    starts: NDArray[np.int64]  # first entry of each source word, then C, [F + 1]
    targets: NDArray[np.int32]  # of each entry, [C]
    translation: Floats  # t(target | source), [C]
    unaligned: Floats  # t(target | none), [E]
    tension: float
    null: float
    log_likelihoods: tuple[float, ...]  # per target word, before each iteration


def align(
    source: Sentences,
    target: Sentences,
    settings: AlignmentSettings,
    progress: Callable[[int], None] = lambda iteration: None,
) -> Alignment:
    """Train an alignment model on sentence pairs.

    A cell (a source word and a target word of the same pair) takes 4 bytes of memory and 50 ns an iteration; an entry
    takes 30 bytes. All sums have a fixed order, so results do not depend on the number of cores.

    Args:
        source: source sentences, whose words are numbered from 0 without a gap.
        target: their translations, numbered likewise.
        settings: settings of the training.
        progress: called after each iteration with its number, from 1.
    """
    parts = list(groups(source, target))
    E = int(target.ids.max()) + 1
    table = number(parts, int(source.ids.max()) + 1, E)
    learned = Alignment(
        table.starts,
        table.targets,
        np.full(len(table.targets), 1 / E),
        np.full(E, 1 / E),
        settings.tension,
        settings.null,
        (),
    )
    for iteration in range(settings.iterations):
        learned = maximize(learned, expect(learned, parts, table), table, settings.concentration)
        progress(iteration + 1)
    return learned


@dataclass
class Expectation:
    """Expected counts of aligned words, and derivatives of the log-likelihood by the tension."""

    aligned: Floats  # [C]
    unaligned: Floats  # [E]
    log_likelihood: float = 0.0
    words: int = 0
    slope: float = 0.0  # first derivative of the expected log-likelihood by the tension
    curvature: float = 0.0  # its second derivative, negated


def expect(learned: Alignment, parts: list[Group], table: Cooccurrences) -> Expectation:
    """Compute the expected counts of aligned words (E step)."""
    expected = Expectation(np.zeros(len(learned.translation)), np.zeros(len(learned.unaligned)))
    for group, numbers in with_numbers(parts, table):
        aligned, unaligned, total = posterior(learned, group.targets, learned.translation[numbers])
        np.add.at(expected.aligned, numbers.ravel(), aligned.ravel())
        np.add.at(expected.unaligned, group.targets.ravel(), unaligned.ravel())
        expected.log_likelihood += float(np.log(total).sum())
        expected.words += total.size
        add_slope(expected, aligned.sum(axis=0), learned.tension)
    return expected


def with_numbers(parts: list[Group], table: Cooccurrences) -> Iterator[tuple[Group, NDArray[np.int32]]]:
    """Yield each group with the entry number of each of its cells, [N, S, T]."""
    first = 0
    for group in parts:
        shape = *group.sources.shape, group.targets.shape[1]
        last = first + shape[0] * shape[1] * shape[2]
        yield group, table.numbers[first:last].reshape(shape)
        first = last


def posterior(learned: Alignment, targets: NDArray[np.int32], joint: Floats) -> tuple[Floats, Floats, Floats]:
    """Compute the probability that each target word translates each source word of its pair.

    Args:
        learned: the model.
        targets: the target words, [N, T].
        joint: t(target | source) of each cell, [N, S, T]; overwritten.

    Returns:
        The posterior of each source word [N, S, T], that of no word [N, T], and the target word's likelihood [N, T].
    """
    _, S, T = joint.shape
    joint *= (1 - learned.null) * diagonal(S, T, learned.tension)
    unaligned = learned.null * learned.unaligned[targets]
    total = joint.sum(axis=1) + unaligned
    joint /= total[:, None]
    return joint, unaligned / total, total


def distance(S: int, T: int) -> Floats:
    """Return |i / S - j / T| of all positions i and j, [S, T]."""
    return np.abs(np.arange(1, S + 1)[:, None] / S - np.arange(1, T + 1) / T)


def diagonal(S: int, T: int, tension: float) -> Floats:
    """Return the prior probability of each source position for each target position, [S, T]; columns sum to 1."""
    weight = np.exp(-tension * distance(S, T))
    probability: Floats = weight / weight.sum(axis=0)
    return probability


def add_slope(expected: Expectation, mass: Floats, tension: float) -> None:
    """Add a group's derivatives by the tension; `mass` [S, T] is the expected number of links of its cells."""
    S, T = mass.shape
    prior, far = diagonal(S, T, tension), distance(S, T)
    mean = (prior * far).sum(axis=0)
    variance = (prior * far**2).sum(axis=0) - mean**2
    expected.slope += float((mass * (mean - far)).sum())
    expected.curvature += float((mass.sum(axis=0) * variance).sum())


def maximize(learned: Alignment, expected: Expectation, table: Cooccurrences, concentration: float) -> Alignment:
    """Return the model of highest expected likelihood (M step); the tension takes one step of Newton's method."""
    E = len(expected.unaligned)
    return replace(
        learned,
        translation=shares(expected.aligned, table.starts, concentration),
        unaligned=shares(expected.unaligned, np.array([0, E]), concentration),
        tension=newton(learned.tension, expected.slope, expected.curvature),
        log_likelihoods=(*learned.log_likelihoods, expected.log_likelihood / expected.words),
    )


def shares(counts: Floats, starts: NDArray[np.int64], concentration: float) -> Floats:
    """Turn expected counts into probabilities, in place: the share of each entry in the sum of its source word.

    With a prior, variational Bayes gives smaller values, which sum to less than 1.
    """
    logarithm = digamma if concentration else np.log
    entries = np.diff(starts)
    sums = np.add.reduceat(counts, starts[:-1]) + concentration * entries
    sums = logarithm(np.maximum(sums, np.finfo(float).tiny))  # sums are 0 where null is 0
    words = np.repeat(np.arange(len(entries), dtype=np.int32), entries)
    with np.errstate(divide="ignore"):  # a count of 0 gives a share of 0
        for first in range(0, len(counts), BLOCK):
            block = slice(first, first + BLOCK)
            counts[block] = np.exp(logarithm(counts[block] + concentration) - sums[words[block]])
    return counts


def digamma(x: Floats) -> Floats:
    """Return the derivative of log(gamma(x)) for x > 0, to within 1e-9, without SciPy."""
    below = sum(1 / (x + step) for step in range(6))
    y = 1 / (x + 6) ** 2
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return np.log(x + 6) - 0.5 / (x + 6) - series - below


def newton(tension: float, slope: float, curvature: float) -> float:
    """Take one bounded Newton step towards the tension of zero slope."""
    if tension == 0 or curvature <= 0:
        return tension
    low, high = max(TENSIONS[0], tension / STEP), min(TENSIONS[1], tension * STEP)
    return min(max(tension + slope / curvature, low), high)
