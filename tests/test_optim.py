"""Learning-rate schedules and the gradient's limit."""

import dataclasses

import pytest
import torch
from torch import nn

from s2s.optim import clip_gradient, learning_rate, make_optimizer
from s2s.recipe import Recipe

PAPER = Recipe(
    optimizer="sgd",
    learning_rate=0.7,
    weight_decay=0.0,
    warmup_updates=0,
    decay="halve",
    halve_after_epochs=5.0,
    halve_every_epochs=0.5,
    epochs=7.5,
    patience_epochs=0,
    evaluations_per_epoch=1,
    average_updates=0,
    batch_sentences=128,
    batch_tokens=10_000,
    clip_norm=5.0,
    normalize_loss="sentences",
    label_smoothing=0.0,
    bptt_tokens=0,
    mixed_precision=False,
    memory_gb=0.0,
    devices=1,
)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0.0, 0.7),
        (4.99, 0.7),
        (5.0, 0.35),
        (5.49, 0.35),
        (5.5, 0.175),
        (6.0, 0.0875),
        (7.0, 0.021875),
        (7.49, 0.021875),
    ],
)
def test_the_papers_rate_is_halved_every_half_epoch_after_five(epoch: float, rate: float) -> None:
    assert learning_rate(PAPER, 1000, epoch) == pytest.approx(rate)


@pytest.mark.parametrize(("epoch", "share"), [(0.0, 1.0), (3.75, 0.5), (7.5, 0.0)])
def test_cosine_falls_from_the_whole_rate_to_zero(epoch: float, share: float) -> None:
    assert learning_rate(dataclasses.replace(PAPER, decay="cosine"), 9, epoch) == pytest.approx(0.7 * share, abs=1e-12)


@pytest.mark.parametrize(("update", "share"), [(0, 0.2), (1, 0.4), (3, 0.8), (4, 1.0), (100, 1.0)])
def test_warmup_rises_linearly(update: int, share: float) -> None:
    recipe = dataclasses.replace(PAPER, decay="constant", warmup_updates=4)
    assert learning_rate(recipe, update, 0.0) == pytest.approx(0.7 * share)


@pytest.mark.parametrize(("limit", "after"), [(5.0, 5.0), (20.0, 10.0), (0.0, 10.0)], ids=["cut", "small", "never"])
def test_the_gradient_is_cut_to_the_norm(limit: float, after: float) -> None:
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    parameters[0].grad, parameters[1].grad = torch.tensor([6.0, 0.0]), torch.tensor([8.0])
    assert clip_gradient(parameters, limit).item() == pytest.approx(10.0)
    gradients = torch.cat([parameter.grad for parameter in parameters if parameter.grad is not None])
    assert gradients.norm().item() == pytest.approx(after, rel=1e-5)


def test_sgd_is_without_momentum() -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = make_optimizer([parameter], PAPER)
    for _ in range(2):
        parameter.grad = torch.ones(1)
        optimizer.step()
    assert parameter.item() == pytest.approx(1 - 2 * 0.7)
