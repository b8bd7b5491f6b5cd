"""Optimizers compared with their equations, schedules with tables, gradient clipping, and skipped updates."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from s2s.training import checkpoint
from s2s.training.recipe import clip_gradient, learning_rate, make_optimizer, step
from tests.support import tiny

PAPER = tiny.recipe(
    optimizer="sgd", learning_rate=0.7, warmup_updates=0, decay="halve", epochs=7.5, normalize_loss="sentences"
)
SETTINGS: dict[str, dict[str, float]] = {
    "sgd": {"learning_rate": 0.7},
    "adam": {"learning_rate": 0.01},
    "adamw": {"learning_rate": 0.01, "weight_decay": 0.1, "adam_beta2": 0.98},
    "rmsprop": {"learning_rate": 0.01},
    "adadelta": {"learning_rate": 1.0},
}
Vector = NDArray[np.float64]


def sgd(weight: Vector, gradients: Sequence[Vector]) -> Vector:
    """Compute w = w - 0.7 g, without momentum (Sutskever et al. 2014, section 3.4)."""
    for gradient in gradients:
        weight = weight - 0.7 * gradient
    return weight


def adam(weight: Vector, gradients: Sequence[Vector], decay: float = 0.0, beta: float = 0.999) -> Vector:
    """Compute algorithm 1 of Kingma and Ba 2015; with a decay, algorithm 2 of Loshchilov and Hutter 2019."""
    mean, square = np.zeros_like(weight), np.zeros_like(weight)
    for count, gradient in enumerate(gradients, 1):
        mean = 0.9 * mean + 0.1 * gradient
        square = beta * square + (1 - beta) * gradient**2
        moved = (mean / (1 - 0.9**count)) / (np.sqrt(square / (1 - beta**count)) + 1e-8)
        weight = weight - 0.01 * (moved + decay * weight)
    return weight


def adamw(weight: Vector, gradients: Sequence[Vector]) -> Vector:
    """Compute Adam with the second beta of Vaswani et al. 2017."""
    return adam(weight, gradients, 0.1, 0.98)


def rmsprop(weight: Vector, gradients: Sequence[Vector]) -> Vector:
    """Divide the gradient by the root of its mean square (Tieleman and Hinton 2012, lecture 6.5)."""
    square = np.zeros_like(weight)
    for gradient in gradients:
        square = 0.99 * square + 0.01 * gradient**2
        weight = weight - 0.01 * gradient / (np.sqrt(square) + 1e-8)
    return weight


def adadelta(weight: Vector, gradients: Sequence[Vector]) -> Vector:
    """Compute algorithm 1 of Zeiler 2012 with the rho and epsilon of Cho et al. 2014."""
    square, moved = np.zeros_like(weight), np.zeros_like(weight)
    for gradient in gradients:
        square = 0.95 * square + 0.05 * gradient**2
        change = -np.sqrt(moved + 1e-6) / np.sqrt(square + 1e-6) * gradient
        moved = 0.95 * moved + 0.05 * change**2
        weight = weight + change
    return weight


class Weights(nn.Module):
    """Make a matrix and a vector, to be moved by given gradients."""

    def __init__(self) -> None:
        super().__init__()
        draw = np.random.default_rng(1)
        self.matrix = nn.Parameter(torch.tensor(draw.normal(size=(3, 7)), dtype=torch.float32))
        self.vector = nn.Parameter(torch.tensor(draw.normal(size=5), dtype=torch.float32))


def gradients_of(updates: int) -> list[list[Tensor]]:
    """Draw gradients of all magnitudes for the matrix and the vector, for each update."""
    draw = np.random.default_rng(2)
    return [
        [torch.tensor(draw.normal(size=shape) * 10.0 ** draw.integers(-3, 2), dtype=torch.float32) for shape in shapes]
        for shapes in [((3, 7), (5,))] * updates
    ]


def optimizer_of(name: str, weights: nn.Module) -> torch.optim.Optimizer:
    return make_optimizer(weights.parameters(), tiny.recipe(optimizer=name, **SETTINGS[name]))


def move(weights: nn.Module, optimizer: torch.optim.Optimizer, gradients: list[Tensor], norm: float = 1.0) -> None:
    """Make an update with given gradients and a given norm."""
    for parameter, gradient in zip(weights.parameters(), gradients, strict=True):
        parameter.grad = gradient.clone()
    step(optimizer, torch.tensor(norm))


def state_of(weights: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Copy everything that an update may change."""
    return {name: tensor.clone() for name, tensor in checkpoint.gather(weights, optimizer).items()}


def assert_equal(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    assert [name for name in actual if not torch.equal(actual[name], expected[name])] == []


@pytest.mark.parametrize("equations", [sgd, adam, adamw, rmsprop, adadelta])
def test_an_optimizer_follows_its_equations(equations: Callable[[Vector, Sequence[Vector]], Vector]) -> None:
    weights, gradients = Weights(), gradients_of(5)
    started = [parameter.detach().double().numpy().copy() for parameter in weights.parameters()]
    optimizer = optimizer_of(equations.__name__, weights)
    for update_gradients in gradients:
        move(weights, optimizer, update_gradients)
    for number, parameter in enumerate(weights.parameters()):
        expected = equations(
            started[number], [update_gradients[number].double().numpy() for update_gradients in gradients]
        )
        np.testing.assert_allclose(parameter.detach().numpy(), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_an_optimizer_that_is_fused_in_pytorch_is_taken_fused(name: str) -> None:
    assert optimizer_of(name, Weights()).defaults["fused"]


def test_weight_decay_is_adamws_alone() -> None:
    with pytest.raises(AssertionError, match="only adamw has a weight decay"):
        make_optimizer(Weights().parameters(), tiny.recipe(optimizer="sgd", weight_decay=0.1))


@pytest.mark.parametrize("norm", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", SETTINGS)
def test_an_update_without_a_finite_norm_leaves_no_trace(name: str, norm: float) -> None:
    weights, good = Weights(), gradients_of(3)
    optimizer = optimizer_of(name, weights)
    bad = [torch.full_like(gradient, norm) for gradient in good[0]]
    move(weights, optimizer, bad, norm)  # before there is any state
    move(weights, optimizer, good[0])
    before = state_of(weights, optimizer)
    move(weights, optimizer, bad, norm)
    assert_equal(state_of(weights, optimizer), before)
    move(weights, optimizer, good[1])

    never_bad = Weights()
    spared = optimizer_of(name, never_bad)
    for gradients in good[:2]:
        move(never_bad, spared, gradients)
    assert_equal(state_of(weights, optimizer), state_of(never_bad, spared))


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_a_fused_update_does_not_wait_for_the_norm(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> NoReturn:
        raise AssertionError("the host has asked the device for a number")

    weights = Weights()
    optimizer = optimizer_of(name, weights)
    for way in ("__bool__", "__float__", "__int__", "item", "tolist", "cpu"):
        monkeypatch.setattr(torch.Tensor, way, asked)
    move(weights, optimizer, gradients_of(1)[0])


@pytest.mark.parametrize("name", SETTINGS)
def test_an_optimizer_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(name: str, tmp_path: Path) -> None:
    gradients = gradients_of(4)
    weights = Weights()
    optimizer = optimizer_of(name, weights)
    for update_gradients in gradients[:2]:
        move(weights, optimizer, update_gradients)
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, checkpoint.Checkpoint(checkpoint.gather(weights, optimizer), {}))

    resumed = Weights()
    restored = optimizer_of(name, resumed)
    checkpoint.restore(checkpoint.load(path).tensors, resumed, restored)
    for update_gradients in gradients[2:]:
        move(weights, optimizer, update_gradients)
        move(resumed, restored, update_gradients)
    assert_equal(state_of(resumed, restored), state_of(weights, optimizer))


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


@pytest.mark.parametrize(
    ("decay", "epoch", "share"),
    [
        ("cosine", 0.0, 1.0),
        ("cosine", 1.875, 0.8535534),
        ("cosine", 3.75, 0.5),
        ("cosine", 7.5, 0.0),
        ("linear", 0.0, 1.0),
        ("linear", 1.875, 0.75),
        ("linear", 7.5, 0.0),
        ("linear", 7.6, 0.0),
        ("constant", 0.0, 1.0),
        ("constant", 7.5, 1.0),
    ],
)
def test_the_rate_falls_with_the_epochs(decay: str, epoch: float, share: float) -> None:
    assert learning_rate(dataclasses.replace(PAPER, decay=decay), 9, epoch) == pytest.approx(0.7 * share, abs=1e-7)


@pytest.mark.parametrize("decay", ["constant", "inverse_sqrt"])
@pytest.mark.parametrize(("update", "share"), [(0, 0.2), (1, 0.4), (3, 0.8), (4, 1.0)])
def test_warmup_rises_linearly(decay: str, update: int, share: float) -> None:
    recipe = dataclasses.replace(PAPER, decay=decay, warmup_updates=4)
    assert learning_rate(recipe, update, 0.0) == pytest.approx(0.7 * share)


@pytest.mark.parametrize(
    ("warmup", "update", "share"),
    [(4, 5, 0.8944272), (4, 16, 0.5), (4, 400, 0.1), (0, 0, 1.0), (0, 1, 1.0), (0, 4, 0.5)],
)
def test_after_warmup_the_rate_falls_with_the_root_of_the_updates(warmup: int, update: int, share: float) -> None:
    recipe = dataclasses.replace(PAPER, decay="inverse_sqrt", warmup_updates=warmup)
    assert learning_rate(recipe, update, 3.0) == pytest.approx(0.7 * share)


@pytest.mark.parametrize(("limit", "after"), [(5.0, 5.0), (20.0, 10.0), (0.0, 10.0)], ids=["cut", "small", "never"])
def test_the_gradient_is_cut_to_the_norm(limit: float, after: float) -> None:
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))]
    parameters[0].grad, parameters[1].grad = torch.tensor([6.0, 0.0]), torch.tensor([8.0])
    assert clip_gradient(parameters, limit).item() == pytest.approx(10.0)
    gradients = torch.cat([parameter.grad for parameter in parameters if parameter.grad is not None])
    assert gradients.norm().item() == pytest.approx(after, rel=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("limit", [0.0, 5.0])
def test_the_norm_of_a_gradient_that_is_no_number_is_none(bad: float, limit: float) -> None:
    parameter = nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([1.0, bad])
    assert not torch.isfinite(clip_gradient([parameter], limit))
