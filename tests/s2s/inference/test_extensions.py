"""The best extensions of hypotheses, compared with sorting all extensions."""

import math

import pytest
import torch
from torch import Tensor

from s2s.inference.search import BLOCK, best_extensions


def by_sorting(scores: Tensor, log_probs: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    V = log_probs.shape[2]
    every = (scores.unsqueeze(2) + log_probs).flatten(1)
    sums, places = every.sort(dim=1, descending=True, stable=True)
    return sums[:, :count], places[:, :count] // V, places[:, :count] % V


@pytest.mark.parametrize("levels", [0, 2, 50], ids=["no ties", "nearly all tied", "some tied"])
@pytest.mark.parametrize("V", [3, BLOCK, BLOCK + 1, 5 * BLOCK - 1])
@pytest.mark.parametrize("count", [1, 4, 24])
def test_it_is_what_sorting_all_finds(levels: int, V: int, count: int) -> None:
    draw = torch.Generator().manual_seed(V + count)
    scores, log_probs = torch.randn(3, 4, generator=draw), torch.randn(3, 4, V, generator=draw)
    if levels:
        scores, log_probs = scores.round(), (log_probs * levels / 4).round()
    count = min(count, 4 * V)
    for own, expected in zip(
        best_extensions(scores, log_probs, count), by_sorting(scores, log_probs, count), strict=True
    ):
        assert torch.equal(own, expected)


def test_what_cannot_follow_comes_last() -> None:
    log_probs = torch.full((1, 2, 5), -math.inf)
    log_probs[0, 1, 2], log_probs[0, 0, 4] = -1.0, -2.0
    sums, hypotheses, tokens = best_extensions(torch.zeros(1, 2), log_probs, 4)
    assert sums[0, :2].tolist() == [-1.0, -2.0]
    assert (hypotheses[0, :2].tolist(), tokens[0, :2].tolist()) == ([1, 0], [2, 4])
    assert torch.isneginf(sums[0, 2:]).all()
