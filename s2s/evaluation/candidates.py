"""Features and BLEU statistics of the candidate translations of a corpus, as arrays.

BLEU is the paper's: of tokens as they are, without smoothing. Its statistics come from sacreBLEU, so a choice of
candidates has exactly the score that sacreBLEU gives to their text.

Shapes: N sentences, M candidates of all of them, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU, MAX_NGRAM_ORDER

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
WIDTH = 2 + 2 * MAX_NGRAM_ORDER  # lengths of candidate and reference, then matching and all n-grams by order


def count_matches(candidates: Sequence[str], reference: str) -> Integers:
    """Return sacreBLEU's statistics of each candidate of a sentence, [M, WIDTH]; all are tokens joined by spaces."""
    metric = BLEU(tokenize="none", smooth_method="none", force=True)
    right = metric._extract_reference_info([metric._preprocess_segment(reference)])
    rows = [metric._compute_segment_statistics(metric._preprocess_segment(line), right) for line in candidates]
    return np.array(rows, np.int64).reshape(len(rows), WIDTH)


def bleu(counts: NDArray[np.number]) -> Floats:
    """Compute BLEU, 0 to 100, of summed statistics [..., WIDTH]; the result is [...]."""
    lengths, references = counts[..., 0], counts[..., 1]
    matching, total = counts[..., 2 : 2 + MAX_NGRAM_ORDER], counts[..., 2 + MAX_NGRAM_ORDER :]
    with np.errstate(divide="ignore"):
        logs = np.log(matching / np.maximum(total, 1)).mean(axis=-1)  # -inf if an order has no match: BLEU is 0
    penalty = np.minimum(0.0, 1 - references / np.maximum(lengths, 1e-9))  # very low for no tokens
    scores: Floats = 100 * np.exp(logs + penalty)
    return scores


def first_highest(scores: Floats, starts: Integers) -> Integers:
    """Return the index of the highest score in each group, [N]; of equal scores the first.

    Args:
        scores: scores of all groups in a row, [M].
        starts: the first index of each group, [N].
    """
    owners = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(scores)))
    highest = np.maximum.reduceat(scores, starts)
    places = np.where(scores == highest[owners], np.arange(len(scores)), len(scores))
    first: Integers = np.minimum.reduceat(places, starts)
    return first


@dataclass(frozen=True)
class Candidates:
    """All candidates of a corpus, sentence after sentence, each in the order of its list."""

    starts: Integers  # first candidate of each sentence, then M, [N + 1]
    features: Floats  # [M, D]
    counts: Integers  # [M, WIDTH]

    def __post_init__(self) -> None:
        assert (np.diff(self.starts) > 0).all(), "each sentence has a candidate"
        assert self.starts[-1] == len(self.features) == len(self.counts)

    @property
    def owners(self) -> Integers:
        """The sentence number of each candidate, [M]."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def best(self, scores: Floats) -> Integers:
        """Return each sentence's candidate of the highest score, [N], given scores [M]; of equal scores the first."""
        return first_highest(scores, self.starts[:-1])

    def choose(self, weights: Floats) -> Integers:
        """Return each sentence's candidate of the highest weighted sum of features, [N]; weights are [D]."""
        return self.best(self.features @ weights)

    def bleu(self, chosen: Integers) -> float:
        """Compute BLEU of a choice of one candidate for each sentence, [N]."""
        return float(bleu(self.counts[chosen].sum(axis=0)))


SMALLEST_GAIN = 1e-9  # of BLEU; smaller gains are rounding errors and could loop forever


def oracle(candidates: Candidates) -> Integers:
    """Return a candidate for each sentence, [N], that no single exchange improves, from the first of each list."""
    chosen = candidates.starts[:-1].copy()
    total = candidates.counts[chosen].sum(axis=0)
    best, before = float(bleu(total)), -1.0
    while best > before:
        before = best
        for sentence, (first, end) in enumerate(zip(candidates.starts[:-1], candidates.starts[1:], strict=True)):
            others = total - candidates.counts[chosen[sentence]] + candidates.counts[first:end]
            scores = bleu(others)
            place = int(scores.argmax())
            if scores[place] > best + SMALLEST_GAIN:
                chosen[sentence], total, best = first + place, others[place], float(scores[place])
    return chosen
