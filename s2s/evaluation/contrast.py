"""Test whether results on a test set differ, by a paired bootstrap over its sentences.

Samples and p-values equal those of sacreBLEU's paired bootstrap test (Koehn 2004). Differences may also be of
perplexities, of groups of sentences, or weighted sums of several systems.

Shapes: N sentences, D counts of a sentence, R samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2s.evaluation.candidates import bleu
from s2s.evaluation.metrics import LEVEL, bleu_metric, sentence_statistics
from s2s.perplexity import to_perplexity

Floats = NDArray[np.float64]
FEWEST = 30  # test sentences; a bootstrap over fewer is unreliable
DECIMALS = 6  # of the numbers in reports


@dataclass(frozen=True)
class Contrast:
    """A difference with its 95 % interval and p-value."""

    value: float
    low: float
    high: float
    p_value: float


def resample(table: NDArray[np.number], samples: int, seed: int) -> Floats:
    """Return sums of counts over resampled test sets, [R, D], given the counts of each sentence, [N, D]."""
    draw, size = np.random.default_rng(seed), len(table)
    counts = table.astype(np.float64)
    return np.stack([np.bincount(draw.choice(size, size), minlength=size) @ counts for _ in range(samples)])


def judge(value: float, drawn: Floats) -> Contrast:
    """Return a difference with its interval and p-value.

    Args:
        value: difference on the test set itself.
        drawn: differences on the resampled test sets, [R].

    Returns:
        The contrast; p is 1 if all differences are zero, where sacreBLEU would return its smallest value.
    """
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    by_chance = np.abs(drawn) - np.abs(drawn).mean()
    p_value = (int((by_chance > abs(value)).sum()) + 1) / (len(drawn) + 1)
    return Contrast(value, float(low), float(high), p_value if value or drawn.any() else 1.0)


def bleu_counts(translations: Sequence[str], references: Sequence[str]) -> Floats:
    """Return the statistics of the paper's BLEU of each sentence, [N, D]; both sides are tokens joined by spaces."""
    return np.array(sentence_statistics(bleu_metric(tokenized=True), translations, references), dtype=np.float64)


def perplexity(log_probs: Floats, tokens: Floats) -> Floats:
    """Compute perplexity per token from sums of log-probabilities in nats and numbers of tokens."""
    values: Floats = np.vectorize(to_perplexity, otypes=[np.float64])(-log_probs, tokens)
    return values


def rounded(value: float) -> float:
    """Return a number as reports hold it: rounded to DECIMALS, without a negative zero."""
    return round(value, DECIMALS) + 0.0


@dataclass(frozen=True)
class Estimate:
    """A number computed on the test set itself, and on R resampled test sets."""

    value: float
    samples: Floats
    """[R]"""

    def __neg__(self) -> "Estimate":
        return Estimate(-self.value, -self.samples)

    def __add__(self, shift: float) -> "Estimate":
        return Estimate(self.value + shift, self.samples + shift)

    def contrast(self) -> Contrast:
        """Test whether the number differs from zero."""
        return judge(self.value, self.samples)


@dataclass(frozen=True)
class SystemScores:
    """Scores of K systems on the test set itself, and on the same R resampled test sets."""

    values: Floats
    """[K]"""
    samples: Floats
    """[R, K]"""

    def weighted_sum(self, weights: Sequence[float]) -> Estimate:
        """Return the sum of the systems' scores, each times its weight; K weights."""
        return Estimate(float(self.values @ np.array(weights)), self.samples @ np.array(weights))

    def difference(self) -> Estimate:
        """Return the second system's score minus the first's."""
        return self.weighted_sum((-1.0, 1.0))

    def change(self, steps: int = 1) -> Estimate:
        """Return the relative change from the first system's score to the second's, divided into equal steps.

        Args:
            steps: the change of one of so many steps is returned; equal relative changes multiply to the whole.
        """
        ratio, ratios = self.values[1] / self.values[0], self.samples[:, 1] / self.samples[:, 0]
        return Estimate(float(ratio ** (1 / steps) - 1), ratios ** (1 / steps) - 1)


@dataclass(frozen=True)
class Bootstrap:
    """The comparison of systems on one test set and on resampled ones; one seed draws the same test sets for all."""

    samples: int
    seed: int

    def bleu(self, counts: Sequence[Floats]) -> SystemScores:
        """Compute the paper's BLEU of K systems.

        Args:
            counts: of each system as `bleu_counts` returns them, [N, D].
        """
        sums, drawn = self.sums(np.hstack(counts))
        return SystemScores(bleu(sums.reshape(len(counts), -1)), bleu(drawn.reshape(len(drawn), len(counts), -1)))

    def perplexity(self, tokens: NDArray[np.integer], log_probs: Sequence[Sequence[Floats]]) -> SystemScores:
        """Compute perplexities per token of K systems with one target vocabulary.

        Args:
            tokens: target tokens of each sentence, [N].
            log_probs: the log-probability of each sentence in nats, [N], for each model of each system. The perplexity
                of several models is the geometric mean of theirs.
        """
        means = [np.mean(models, axis=0) for models in log_probs]
        sums, drawn = self.sums(np.column_stack([tokens, *means]))
        return SystemScores(perplexity(sums[1:], sums[0]), perplexity(drawn[:, 1:], drawn[:, :1]))

    def sums(self, table: Floats) -> tuple[Floats, Floats]:
        """Return sums over the sentences of the test set, [N, D] to [D], and of each resampled one, [R, D]."""
        return table.sum(axis=0), resample(table, self.samples, self.seed)


def combine(scores: Sequence[SystemScores]) -> SystemScores:
    """Join scores that were resampled separately, as of different sentences."""
    values, samples = [part.values for part in scores], [part.samples for part in scores]
    return SystemScores(np.concatenate(values), np.concatenate(samples, axis=-1))
