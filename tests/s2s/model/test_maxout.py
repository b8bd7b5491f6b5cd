"""The maxout layer, compared with its equation."""

import numpy as np
import pytest
import torch

from s2s.model.layers import Maxout, larger


def test_a_unit_is_the_larger_of_its_two_sums() -> None:
    assert larger(torch.tensor([[1.0, -5.0, 0.0, 3.0, -6.0, 0.5]])).tolist() == [[3.0, -5.0, 0.5]]


@pytest.mark.parametrize("shape", [(7,), (3, 7), (2, 3, 7)])
def test_units_are_the_equation_written_out(shape: tuple[int, ...]) -> None:
    layer, inputs = Maxout(7, 4), torch.randn(shape)
    weight, bias = (parameter.detach().double().numpy() for parameter in layer.parameters())
    rows = inputs.double().numpy().reshape(-1, 7)
    expected = [[max(weight[j] @ x + bias[j], weight[4 + j] @ x + bias[4 + j]) for j in range(4)] for x in rows]
    np.testing.assert_allclose(layer(inputs).detach().reshape(-1, 4), expected, atol=1e-6)
    with torch.inference_mode():
        np.testing.assert_allclose(layer.stepper()(inputs.reshape(-1, 7)), expected, atol=1e-6)


def test_the_larger_sum_alone_learns() -> None:
    layer = Maxout(1, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0], [-1.0], [2.0], [-2.0]]))
        layer.bias.zero_()
    torch.autograd.backward(layer(torch.tensor([3.0])).sum())
    assert layer.weight.grad is not None
    assert layer.weight.grad.flatten().tolist() == [0.0, 3.0, 3.0, 0.0]
