"""Perplexity from log-probabilities: the only formula for curves, reports and comparisons."""

import math

LARGEST = 700.0  # natural logarithm of a perplexity, at most; a double overflows at 709.8


def to_perplexity(log_loss: float, tokens: float) -> float:
    """Return the perplexity a token, exp of the mean negative log-probability, at most exp(700).

    Args:
        log_loss: negative log-probability in nats, summed over tokens.
        tokens: number of tokens; 0 counts as 1.
    """
    return math.exp(min(log_loss / max(1, tokens), LARGEST))
