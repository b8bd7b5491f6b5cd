"""Learns which words translate each other: IBM model 2 with a prior along the diagonal (Dyer et al. 2013).

A target word e at place j of T is a translation of the source word f at place i of S, or of none, with

    P(e, i | j) = (1 - null) * exp(-tension * |i / S - j / T|) / Z * t(e | f),    P(e, none) = null * t(e | none)

where places count from 1. t and the tension are learned by expectation and maximisation.

Shapes: N pairs of the same lengths, S source length, T target length, F source words, E target words, C pairs of words
that occur together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from s2s.cooccurrence import Cooccurrences, Group, Sentences, groups, number

Floats = NDArray[np.float64]
BLOCK = 1 << 17  # entries: temporary arrays of 1 MB, which stay in a processor's cache
TENSIONS = 0.1, 50.0  # the least and the most: from any place to the same place alone
STEP = 2.0  # a tension grows or shrinks so many times in an iteration, at most


@dataclass(frozen=True)
class AlignmentSettings:
    """How the model is learned."""

    iterations: int = 5
    null: float = 0.08
    """Probability that a target word translates none of the source; Dyer et al.'s."""
    tension: float = 4.0
    """At the start; 0: any place is as likely as any other."""
    concentration: float = 0.01
    """Of a Dirichlet prior of t(. | f), by variational Bayes: below 1, rare words do not gather what is left over
    (Riley & Gildea 2012); 0: maximum likelihood, which on small text drives the tension to its limit instead."""

    def __post_init__(self) -> None:
        assert self.iterations >= 1
        assert 0 <= self.null < 1
        assert self.tension >= 0
        assert self.concentration >= 0


@dataclass(frozen=True)
class Alignment:
    """What was learned. Entries are the pairs of words that occur together, by source word, then target word."""

    starts: NDArray[np.int64]  # where the entries of each source word start, and the end, [F + 1]
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
    """Learns from pairs of sentences; source words are numbered from 0 without a gap, and so are target words.

    A cell, a word of a sentence with one of its translation, takes 4 bytes, and 50 ns an iteration; an entry 30 bytes.
    All sums have a fixed order: the same input gives the same bytes, however many cores there are.
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
    """How often which words are expected to translate each other, and what that says of the tension."""

    aligned: Floats  # [C]
    unaligned: Floats  # [E]
    log_likelihood: float = 0.0
    words: int = 0
    slope: float = 0.0  # first derivative of the expected log-likelihood by the tension, and the second, negated
    curvature: float = 0.0


def expect(learned: Alignment, parts: list[Group], table: Cooccurrences) -> Expectation:
    """Expects how often words translate each other."""
    found = Expectation(np.zeros(len(learned.translation)), np.zeros(len(learned.unaligned)))
    for group, numbers in with_numbers(parts, table):
        aligned, unaligned, total = posterior(learned, group.targets, learned.translation[numbers])
        np.add.at(found.aligned, numbers.ravel(), aligned.ravel())
        np.add.at(found.unaligned, group.targets.ravel(), unaligned.ravel())
        found.log_likelihood += float(np.log(total).sum())
        found.words += total.size
        add_slope(found, aligned.sum(axis=0), learned.tension)
    return found


def with_numbers(parts: list[Group], table: Cooccurrences) -> Iterator[tuple[Group, NDArray[np.int32]]]:
    """Each group with the entries of its cells, [N, S, T]."""
    first = 0
    for group in parts:
        shape = *group.sources.shape, group.targets.shape[1]
        last = first + shape[0] * shape[1] * shape[2]
        yield group, table.numbers[first:last].reshape(shape)
        first = last


def posterior(learned: Alignment, targets: NDArray[np.int32], joint: Floats) -> tuple[Floats, Floats, Floats]:
    """Which source word each target word translates, given both sentences.

    Args:
        learned: the model.
        targets: the target words, [N, T].
        joint: t of each pair of words, [N, S, T]; overwritten.

    Returns:
        The probability of each source word, [N, S, T], that of none, and the likelihood of the word, both [N, T].
    """
    _, S, T = joint.shape
    joint *= (1 - learned.null) * diagonal(S, T, learned.tension)
    unaligned = learned.null * learned.unaligned[targets]
    total = joint.sum(axis=1) + unaligned
    joint /= total[:, None]
    return joint, unaligned / total, total


def distance(S: int, T: int) -> Floats:
    """How far each pair of places is from the diagonal, as shares of the sentences, [S, T]."""
    return np.abs(np.arange(1, S + 1)[:, None] / S - np.arange(1, T + 1) / T)


def diagonal(S: int, T: int, tension: float) -> Floats:
    """How likely each source place is for each target place, [S, T]; columns sum to 1."""
    weight = np.exp(-tension * distance(S, T))
    probability: Floats = weight / weight.sum(axis=0)
    return probability


def add_slope(found: Expectation, mass: Floats, tension: float) -> None:
    """Adds what a group says of the tension; `mass` is how many words are aligned at each pair of places, [S, T]."""
    S, T = mass.shape
    prior, far = diagonal(S, T, tension), distance(S, T)
    mean = (prior * far).sum(axis=0)
    variance = (prior * far**2).sum(axis=0) - mean**2
    found.slope += float((mass * (mean - far)).sum())
    found.curvature += float((mass.sum(axis=0) * variance).sum())


def maximize(learned: Alignment, found: Expectation, table: Cooccurrences, concentration: float) -> Alignment:
    """The model that the expectation makes the most likely; the tension takes one step of Newton's method."""
    E = len(found.unaligned)
    return replace(
        learned,
        translation=shares(found.aligned, table.starts, concentration),
        unaligned=shares(found.unaligned, np.array([0, E]), concentration),
        tension=newton(learned.tension, found.slope, found.curvature),
        log_likelihoods=(*learned.log_likelihoods, found.log_likelihood / found.words),
    )


def shares(counts: Floats, starts: NDArray[np.int64], concentration: float) -> Floats:
    """Probabilities from expected counts, in their place: shares of the sum of each source word.

    With a prior, they are what variational Bayes gives instead of shares; they sum to less than 1.
    """
    logarithm = digamma if concentration else np.log
    entries = np.diff(starts)
    sums = np.add.reduceat(counts, starts[:-1]) + concentration * entries
    sums = logarithm(np.maximum(sums, np.finfo(float).tiny))  # nothing is unaligned where null is 0
    words = np.repeat(np.arange(len(entries), dtype=np.int32), entries)
    with np.errstate(divide="ignore"):  # a count of 0 gives a share of 0
        for first in range(0, len(counts), BLOCK):
            block = slice(first, first + BLOCK)
            counts[block] = np.exp(logarithm(counts[block] + concentration) - sums[words[block]])
    return counts


def digamma(x: Floats) -> Floats:
    """The derivative of log(gamma(x)) for x > 0, to within 1e-9; single-threaded and without a library of its own."""
    below = sum(1 / (x + step) for step in range(6))
    y = 1 / (x + 6) ** 2
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return np.log(x + 6) - 0.5 / (x + 6) - series - below


def newton(tension: float, slope: float, curvature: float) -> float:
    """One step towards the tension whose slope is zero, within bounds."""
    if tension == 0 or curvature <= 0:
        return tension
    low, high = max(TENSIONS[0], tension / STEP), min(TENSIONS[1], tension * STEP)
    return min(max(tension + slope / curvature, low), high)
