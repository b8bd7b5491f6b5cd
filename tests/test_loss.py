"""The loss against hand-made sums and torch's own label smoothing."""

import math

import pytest
import torch
from torch.nn import functional as F

from s2s.loss import cross_entropy


def test_the_loss_sums_the_negative_log_probabilities_of_the_right_tokens() -> None:
    probabilities = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    loss, log_loss = cross_entropy(probabilities.log(), torch.tensor([0, 2]))
    assert loss.item() == pytest.approx(-math.log(0.5) - math.log(0.1))
    assert log_loss.item() == loss.item()


def test_smoothing_changes_the_loss_and_not_the_log_likelihood() -> None:
    logits, targets = torch.randn(7, 11, generator=torch.Generator().manual_seed(1)), torch.arange(7)
    loss, log_loss = cross_entropy(logits, targets, label_smoothing=0.1)
    torch.testing.assert_close(loss, F.cross_entropy(logits, targets, reduction="sum", label_smoothing=0.1))
    torch.testing.assert_close(log_loss, F.cross_entropy(logits, targets, reduction="sum"))


def test_the_log_likelihood_carries_no_gradient() -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    assert not cross_entropy(logits, torch.tensor([1]))[1].requires_grad
