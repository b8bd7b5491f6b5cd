"""The chunked loss, compared with torch's: values, gradients, precision, and the size of its tensors."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from s2s.model import loss
from s2s.model.loss import LinearCrossEntropy, linear_cross_entropy, token_log_losses

H, V = 6, 11


def drawn(tokens: int, dtype: torch.dtype = torch.float64, words: int = V) -> tuple[Tensor, nn.Linear, Tensor]:
    draw = torch.Generator().manual_seed(tokens)
    output = nn.Linear(H, words, dtype=dtype)
    for parameter in output.parameters():
        nn.init.normal_(parameter, generator=draw)
    states = torch.randn(tokens, H, generator=draw, dtype=dtype, requires_grad=True)
    return states, output, torch.randint(words, (tokens,), generator=draw)


def gradients(loss: Tensor, states: Tensor, output: nn.Linear) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, (states, output.weight, output.bias))


def chunk(monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    monkeypatch.setattr(loss, "CPU_BYTES", 0)
    monkeypatch.setattr(loss, "CPU_TOKENS", tokens)


@pytest.mark.parametrize("tokens", [1, 6, 7, 8, 14, 15])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_loss_and_gradients_are_those_of_all_logits(
    monkeypatch: pytest.MonkeyPatch, tokens: int, label_smoothing: float, scale: float
) -> None:
    chunk(monkeypatch, 7)
    states, output, targets = drawn(tokens)
    loss, log_loss = linear_cross_entropy(states, output, targets, label_smoothing, scale)
    logits = output(states)
    expected = scale * F.cross_entropy(logits, targets, reduction="sum", label_smoothing=label_smoothing)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(log_loss, F.cross_entropy(logits, targets, reduction="sum"), rtol=1e-12, atol=0)
    for ours, theirs in zip(gradients(loss, states, output), gradients(expected, states, output), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-13)


def test_gradients_are_the_slopes_of_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk(monkeypatch, 2)
    states, output, targets = drawn(5)
    assert torch.autograd.gradcheck(
        lambda *inputs: LinearCrossEntropy.apply(*inputs, targets, 0.2, 0.5, True)[0],  # type: ignore[no-untyped-call]
        (states, output.weight, output.bias),
    )


def test_what_comes_back_to_the_loss_multiplies_its_gradients() -> None:
    states, output, targets = drawn(5)
    once = gradients(linear_cross_entropy(states, output, targets)[0], states, output)
    thrice = gradients(3 * linear_cross_entropy(states, output, targets)[0], states, output)
    for single, tripled in zip(once, thrice, strict=True):
        torch.testing.assert_close(3 * single, tripled)


def test_the_log_loss_carries_no_gradient() -> None:
    assert not linear_cross_entropy(*drawn(3))[1].requires_grad


def test_no_tokens_have_no_loss_and_gradients_of_zero() -> None:
    states, output, targets = drawn(0)
    loss, log_loss = linear_cross_entropy(states, output, targets)
    assert loss.item() == log_loss.item() == 0
    assert all(not gradient.any() for gradient in gradients(loss, states, output))


def test_an_improbable_token_has_a_finite_loss() -> None:
    states, output, targets = torch.tensor([[1.0]]), nn.Linear(1, 2), torch.tensor([1])
    with torch.no_grad():
        output.weight.copy_(torch.tensor([[500.0], [-500.0]]))
        output.bias.zero_()
    assert linear_cross_entropy(states, output, targets)[1].item() == 1000


def test_token_losses_are_those_of_all_logits_and_sum_to_the_log_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk(monkeypatch, 4)
    states, output, targets = drawn(13)
    losses = token_log_losses(states, output, targets)
    assert not losses.requires_grad
    torch.testing.assert_close(losses, F.cross_entropy(output(states), targets, reduction="none"), rtol=1e-12, atol=0)
    torch.testing.assert_close(losses.sum(), linear_cross_entropy(states, output, targets)[1])


def test_products_of_16_bits_keep_sums_and_gradients_of_32(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk(monkeypatch, 20)
    states, output, targets = drawn(50, torch.float32)
    expected = F.cross_entropy(output(states), targets, reduction="sum", label_smoothing=0.1)
    with torch.autocast("cpu", torch.float16):  # bfloat16 is not supported by every CPU
        loss, log_loss = linear_cross_entropy(states, output, targets, 0.1)
        losses = token_log_losses(states, output, targets)
    assert log_loss.dtype == losses.dtype == torch.float32
    torch.testing.assert_close(losses.sum(), log_loss)
    torch.testing.assert_close(loss, expected, rtol=1e-3, atol=0)
    for ours, theirs in zip(gradients(loss, states, output), gradients(expected, states, output), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, rtol=0.01, atol=0.02)


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode that records the number of elements in the largest tensor that any operation makes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers, self.products = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.products += "mm" in func.__name__
        if isinstance(result, Tensor):
            self.numbers = max(self.numbers, result.numel())
        return result


@pytest.mark.parametrize(("learns", "products"), [(True, 3), (False, 1)])
def test_no_more_is_held_than_a_chunk_and_no_more_computed_than_wanted(
    monkeypatch: pytest.MonkeyPatch, learns: bool, products: int
) -> None:
    chunk(monkeypatch, 10)
    states, output, targets = drawn(100, words=100)
    with torch.set_grad_enabled(learns), Largest() as largest:
        loss, _ = linear_cross_entropy(states, output, targets, 0.1)
        if learns:
            torch.autograd.backward(loss)
    assert loss.requires_grad == learns
    assert largest.numbers == 10 * 100
    assert largest.products == products * 10
