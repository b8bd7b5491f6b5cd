"""Means of weights over updates, compared with means computed directly."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from s2s.training import checkpoint
from s2s.training.averaging import Average
from s2s.training.recipe import make_optimizer
from tests.support import tiny


def weights_of(updates: int) -> list[list[float]]:
    """Return the four weights of a small model after each update."""
    return np.random.default_rng(1).normal(size=(updates, 4)).astype(np.float32).tolist()  # type: ignore[no-any-return]


def put(model: nn.Linear, weights: Sequence[float]) -> None:
    """Change the weights in place, as an update does."""
    with torch.no_grad():
        model.weight.copy_(torch.tensor([weights[:3]]))
        model.bias.copy_(torch.tensor(weights[3:]))


def run(average: Average, model: nn.Linear, course: Sequence[Sequence[float]]) -> None:
    for weights in course:
        put(model, weights)
        average.add()


def flat(tensors: dict[str, Tensor]) -> list[float]:
    return [*tensors["weight"].flatten().tolist(), *tensors["bias"].tolist()]


def exponential(course: Sequence[Sequence[float]], share: float) -> list[float]:
    """Compute the exponential mean (1 - share) mean + share weights, from the plain mean of the first 1 / share."""
    first = round(1 / share)
    mean = np.mean(course[:first], axis=0)
    for weights in course[first:]:
        mean = (1 - share) * mean + share * np.array(weights)
    return mean.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("updates", "made", "expected"),
    [
        (5, 1, lambda course: course[0]),
        (5, 3, lambda course: np.mean(course[:3], axis=0)),
        (5, 5, lambda course: np.mean(course[:5], axis=0)),
        (5, 12, lambda course: exponential(course, 1 / 5)),
        (1, 7, lambda course: course[6]),
        (200, 9, lambda course: np.mean(course[:9:2], axis=0)),
        (200, 260, lambda course: exponential(course[::2], 1 / 100)),
        (5000, 41, lambda course: np.mean(course[:41:10], axis=0)),
    ],
    ids=["first", "few", "just", "more", "last alone", "each second", "each second, more", "each tenth"],
)
def test_the_mean_is_plain_first_and_exponential_then(
    updates: int, made: int, expected: Callable[[Sequence[Sequence[float]]], Sequence[float]]
) -> None:
    model, course = nn.Linear(3, 1), weights_of(made)
    average = Average(model, updates)
    run(average, model, course)
    np.testing.assert_allclose(flat(average.state_dict()), expected(course), rtol=1e-5, atol=1e-6)


def test_the_model_has_the_mean_inside_the_block_and_its_own_weights_after_it() -> None:
    model, course = nn.Linear(3, 1), weights_of(4)
    average = Average(model, 10)
    run(average, model, course)
    mean, places = flat(average.state_dict()), [parameter.data_ptr() for parameter in model.parameters()]
    with average.in_model():
        assert flat(model.state_dict()) == mean
    assert flat(model.state_dict()) == course[-1]
    assert flat(average.state_dict()) == mean
    assert [parameter.data_ptr() for parameter in model.parameters()] == places
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_models_own_weights_come_back_after_an_error() -> None:
    model, course = nn.Linear(3, 1), weights_of(2)
    average = Average(model, 10)
    run(average, model, course)
    with pytest.raises(KeyboardInterrupt), average.in_model():
        raise KeyboardInterrupt
    assert flat(model.state_dict()) == course[-1]


@pytest.mark.parametrize("updates", [4, 300])
def test_a_mean_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(updates: int, tmp_path: Path) -> None:
    model, course = nn.Linear(3, 1), weights_of(12)
    optimizer = make_optimizer(model.parameters(), tiny.recipe())
    average = Average(model, updates)
    run(average, model, course[:7])
    path = tmp_path / "checkpoint.safetensors"
    tensors = checkpoint.gather(model, optimizer, average=average.state_dict())
    checkpoint.save(path, checkpoint.Checkpoint(tensors, {}))

    again = nn.Linear(3, 1)
    resumed = Average(again, updates)
    resumed.load_state_dict(checkpoint.section(checkpoint.load(path).tensors, "average"))
    run(average, model, course[7:])
    run(resumed, again, course[7:])
    assert flat(resumed.state_dict()) == flat(average.state_dict())
    assert resumed.count == average.count == 12


def test_a_mean_of_another_models_weights_is_refused() -> None:
    with pytest.raises(AssertionError, match="a mean of another model's weights"):
        Average(nn.Linear(3, 1), 5).load_state_dict(Average(nn.Linear(3, 1, bias=False), 5).state_dict())


def test_a_mean_has_the_names_of_the_weights() -> None:
    network = tiny.network()
    assert Average(network, 5).state_dict().keys() - network.state_dict().keys() == {"count"}
    assert network.state_dict().keys() <= Average(network, 5).state_dict().keys()
