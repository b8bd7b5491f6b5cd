"""Candidate translations of a corpus as numbers: their features, and what BLEU counts of each.

BLEU is the paper's: of tokens as they are, without smoothing. Its counts are sacreBLEU's own, so a choice among
candidates has here exactly the score that sacreBLEU gives to their text.

Shapes: N sentences, M candidates of all of them, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU, MAX_NGRAM_ORDER

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
WIDTH = 2 + 2 * MAX_NGRAM_ORDER  # lengths of candidate and reference, right n-grams and all n-grams by order


def count_matches(candidates: Sequence[str], reference: str) -> Integers:
    """What sacreBLEU counts in each candidate of one sentence, [M, WIDTH]; all are tokens joined by spaces."""
    metric = BLEU(tokenize="none", smooth_method="none", force=True)
    right = metric._extract_reference_info([metric._preprocess_segment(reference)])
    rows = [metric._compute_segment_statistics(metric._preprocess_segment(one), right) for one in candidates]
    return np.array(rows, np.int64).reshape(len(rows), WIDTH)


def bleu(counts: NDArray[np.number]) -> Floats:
    """BLEU, 0 to 100, of sums of counts, [..., WIDTH] to [...]."""
    lengths, references = counts[..., 0], counts[..., 1]
    right, said = counts[..., 2 : 2 + MAX_NGRAM_ORDER], counts[..., 2 + MAX_NGRAM_ORDER :]
    with np.errstate(divide="ignore"):
        logs = np.log(right / np.maximum(said, 1)).mean(axis=-1)  # -inf if an order has no match: BLEU is 0
    penalty = np.minimum(0.0, 1 - references / np.maximum(lengths, 1e-9))  # of no tokens is -inf too, nearly
    found: Floats = 100 * np.exp(logs + penalty)
    return found


def first_highest(scores: Floats, starts: Integers) -> Integers:
    """The place of the highest score in each group, of equal ones the first: [M] and first places [N] to [N]."""
    owners = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(scores)))
    highest = np.maximum.reduceat(scores, starts)
    places = np.where(scores == highest[owners], np.arange(len(scores)), len(scores))
    found: Integers = np.minimum.reduceat(places, starts)
    return found


@dataclass(frozen=True)
class Candidates:
    """All candidates of a corpus, those of one sentence in a row in the order of their list."""

    starts: Integers  # the first candidate of each sentence, and at last M, [N + 1]
    features: Floats  # [M, D]
    counts: Integers  # [M, WIDTH]

    def __post_init__(self) -> None:
        assert (np.diff(self.starts) > 0).all(), "each sentence has a candidate"
        assert self.starts[-1] == len(self.features) == len(self.counts)

    @property
    def owners(self) -> Integers:
        """The sentence of each candidate, [M]."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def best(self, scores: Floats) -> Integers:
        """The candidate of the highest score in each sentence, of equal ones the first: [M] to [N]."""
        return first_highest(scores, self.starts[:-1])

    def choose(self, weights: Floats) -> Integers:
        """The candidate of each sentence that weighted features rank first, [N]."""
        return self.best(self.features @ weights)

    def bleu(self, chosen: Integers) -> float:
        """BLEU of a choice of one candidate a sentence, [N]."""
        return float(bleu(self.counts[chosen].sum(axis=0)))
