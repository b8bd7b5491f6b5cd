"""How surely results on one test set differ: a paired bootstrap over its sentences.

Draws and p-value are those of sacreBLEU's paired bootstrap test (Koehn 2004), so that its answers and these are one;
here a difference may also be one of perplexities, of groups of sentences, or a weighted sum of several systems.

Shapes: N sentences, D counts of a sentence, R samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2s.metrics import LEVEL, bleu_metric, sentence_statistics

Floats = NDArray[np.float64]
LARGEST = 700.0  # the logarithm of a perplexity beyond which a double is infinite


@dataclass(frozen=True)
class Contrast:
    """A difference, the 95 % interval of it, and how likely one so far from zero is by chance."""

    value: float
    low: float
    high: float
    p_value: float


def resample(table: NDArray[np.number], samples: int, seed: int) -> Floats:
    """Sums over test sets drawn with replacement: [N, D] to [R, D]; systems side by side meet the same draws."""
    draw, size = np.random.default_rng(seed), len(table)
    counts = table.astype(np.float64)
    return np.stack([np.bincount(draw.choice(size, size), minlength=size) @ counts for _ in range(samples)])


def judge(value: float, drawn: Floats) -> Contrast:
    """A difference from what it came to on the test set itself and on each drawn one, [R].

    Returns:
        p is 1 for a difference of nothing on all of them, where sacreBLEU would give its smallest one.
    """
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    by_chance = np.abs(drawn) - np.abs(drawn).mean()
    p_value = (int((by_chance > abs(value)).sum()) + 1) / (len(drawn) + 1)
    return Contrast(value, float(low), float(high), p_value if value or drawn.any() else 1.0)


def bleu_counts(translations: Sequence[str], references: Sequence[str]) -> Floats:
    """What the paper's BLEU counts in each sentence, [N, D]; both are tokens joined by spaces."""
    return np.array(sentence_statistics(bleu_metric(tokenized=True), translations, references), dtype=np.float64)


def perplexity(log_probs: Floats, tokens: Floats) -> Floats:
    """Perplexity a token from sums of log-probabilities, in nats, and of tokens."""
    found: Floats = np.exp(np.minimum(-log_probs / np.maximum(tokens, 1), LARGEST))
    return found
