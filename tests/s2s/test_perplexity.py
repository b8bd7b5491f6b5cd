"""Perplexity from a summed log loss and a number of tokens."""

import math

import numpy as np
import pytest

from s2s.evaluation import contrast
from s2s.model.scoring import Evaluation
from s2s.perplexity import to_perplexity


@pytest.mark.parametrize(
    ("log_loss", "tokens", "expected"),
    [
        (5 * math.log(8), 5, 8.0),  # uniform over eight tokens
        (0.0, 5, 1.0),
        (0.0, 0, 1.0),
        (1e9, 1, math.exp(700)),
        (1e9, 0, math.exp(700)),
    ],
)
def test_perplexity_by_table(log_loss: float, tokens: int, expected: float) -> None:
    assert to_perplexity(log_loss, tokens) == pytest.approx(expected)


def test_a_loss_that_is_not_a_number_has_no_perplexity() -> None:
    assert math.isnan(to_perplexity(math.nan, 3))


def test_evaluations_and_comparisons_have_the_same_perplexity_to_the_last_bit() -> None:
    draw = np.random.default_rng(1)
    tokens, log_probs = draw.integers(1, 10_000, 1000), -draw.uniform(0, 80_000, 1000)
    expected = [to_perplexity(-log_prob, count) for log_prob, count in zip(log_probs, tokens, strict=True)]
    assert [Evaluation(*pair).perplexity for pair in zip(log_probs, tokens, strict=True)] == expected
    assert contrast.perplexity(log_probs, tokens.astype(np.float64)).tolist() == expected
