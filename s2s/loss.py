"""Cross-entropy of the right next token, the quantity that training lowers, without ever holding all logits.

The softmax is the largest product of all, and its result would be the largest tensor: 3,500 tokens of 80,000 words are
1.1 GB, and their gradient as much again. So tokens are taken a chunk at a time. Where gradients are wanted, those of
states and layer are computed at once from the chunk's probabilities, and the backward pass only hands them out.

Shapes: N tokens, n tokens of a chunk, H hidden, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CPU_BYTES = 16 << 20  # of a chunk's logits: what stays in a processor's last cache
CPU_TOKENS = 256  # a chunk, at least: each goes over the whole gradient of the weight, with fewer for most of its time
CUDA_BYTES = 512 << 20


def linear_cross_entropy(
    states: Tensor, output: nn.Linear, targets: Tensor, label_smoothing: float = 0.0, scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Sums the losses of all tokens, from the states before the softmax's layer.

    Under autocast its type is that of the products; log-sum-exp, sums and the gradients of the layer are float32.

    Args:
        states: input of the layer, [N, H].
        output: the layer that makes logits of it.
        targets: the right tokens, [N].
        label_smoothing: share of the right token's probability that is spread over all tokens evenly.
        scale: multiplies the loss, and so the gradients.

    Returns:
        The loss to be minimised and, detached, the plain negative log-likelihood behind perplexity; both in nats.
    """
    inputs = states, output.weight, output.bias
    learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    return LinearCrossEntropy.apply(*inputs, targets, label_smoothing, scale, learns)  # type: ignore[no-any-return, no-untyped-call]


@torch.no_grad()
def token_log_losses(states: Tensor, output: nn.Linear, targets: Tensor) -> Tensor:
    """The negative log-probability of each right token, nats: states [N, H] and targets [N] to [N], no gradient."""
    softmax, losses = Softmax(states, output.weight, output.bias), []
    with torch.autocast(states.device.type, enabled=False):
        for part in softmax.chunks:
            losses.append(-softmax.log_probs(states[part]).gather(1, targets[part, None]).squeeze(1))
    return torch.cat(losses)


class Softmax:
    """The layer and the softmax on top of it, with memory for one chunk of tokens that all chunks share."""

    def __init__(self, states: Tensor, weight: Tensor, bias: Tensor) -> None:
        kind = states.device.type
        products = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        self.weight, self.bias = weight.to(products), bias.to(products)
        self.chunks = chunks(len(states), len(weight) * weight.element_size(), kind)
        shape = self.chunks[0].stop, len(weight)
        self.logits = weight.new_empty(shape, dtype=products)
        self.wide = self.logits if products == weight.dtype else weight.new_empty(shape)

    def log_probs(self, states: Tensor) -> Tensor:
        """States of a chunk, [n, H], to log-probabilities in the type of the weight, [n, V], valid until the next."""
        logits, wide = self.logits[: len(states)], self.wide[: len(states)]
        torch.addmm(self.bias, states.to(logits.dtype), self.weight.T, out=logits)
        if wide.dtype != logits.dtype:
            wide.copy_(logits)
        return torch.log_softmax(wide, -1, out=wide)

    def errors(self, log_probs: Tensor, targets: Tensor, right: Tensor, label_smoothing: float) -> Tensor:
        """The gradient of the loss by the logits, [n, V] in the type of products, in place of the log-probabilities.

        Probabilities less the wanted distribution; targets and the log-probabilities of these, `right`, are [n, 1].
        """
        errors = torch.exp(log_probs, out=self.logits[: len(log_probs)])
        spread = label_smoothing / log_probs.shape[1]
        if spread:
            errors -= spread
        return errors.scatter_(1, targets, (right.exp() - (1 - label_smoothing) - spread).to(errors.dtype))


def chunks(tokens: int, token_bytes: int, device: str) -> list[slice]:
    """Cuts tokens into chunks of about equal size; at least one, which may be empty."""
    limit = max(1, CUDA_BYTES // token_bytes) if device == "cuda" else max(CPU_TOKENS, CPU_BYTES // token_bytes)
    count = max(1, -(-tokens // limit))
    size = -(-tokens // count)
    return [slice(number * size, min(tokens, (number + 1) * size)) for number in range(count)]


class Gradients:
    """The gradients of states, weight and bias, filled a chunk at a time."""

    def __init__(self, states: Tensor, weight: Tensor, bias: Tensor) -> None:
        self.states, self.weight, self.bias = torch.empty_like(states), torch.empty_like(weight), torch.zeros_like(bias)

    def add(self, softmax: Softmax, part: slice, errors: Tensor, states: Tensor, scale: float) -> None:
        """Adds what a chunk gives: errors [n, V] and states [n, H]."""
        torch.mul(errors @ softmax.weight, scale, out=self.states[part])
        scaled = (states * scale).to(errors.dtype)
        add_product(self.weight, errors.T, scaled, first=part.start == 0)
        self.bias.add_(errors.sum(0, dtype=self.bias.dtype), alpha=scale)


def add_product(total: Tensor, left: Tensor, right: Tensor, first: bool) -> None:
    """Adds a product to a total, or makes it the total if it is the `first`; of 16-bit factors without rounding it."""
    if left.dtype == total.dtype:
        total.addmm_(left, right, beta=0 if first else 1)
    elif not left.is_cuda:  # has no products of another type
        add_product(total, left.to(total.dtype), right.to(total.dtype), first)
    elif first:
        torch.mm(left, right, out_dtype=total.dtype, out=total)
    else:
        total += torch.mm(left, right, out_dtype=total.dtype)


class LinearCrossEntropy(torch.autograd.Function):
    """Three products a chunk, all in the forward pass: logits, and the gradients of states and of weight."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        label_smoothing: float,
        scale: float,
        learns: bool,
    ) -> tuple[Tensor, Tensor]:
        """The loss and the log-likelihood; gradients are computed only if `learns`."""
        softmax, gradients = Softmax(states, weight, bias), Gradients(states, weight, bias) if learns else None
        log_loss, spread = weight.new_zeros(()), weight.new_zeros(())
        with torch.autocast(states.device.type, enabled=False):
            for part in softmax.chunks:
                log_probs, wanted = softmax.log_probs(states[part]), targets[part, None]
                right = log_probs.gather(1, wanted)
                log_loss -= right.sum()
                if label_smoothing:
                    spread -= log_probs.mean(1).sum()
                if gradients is not None:
                    errors = softmax.errors(log_probs, wanted, right, label_smoothing)
                    gradients.add(softmax, part, errors, states[part], scale)
        if gradients is not None:
            ctx.save_for_backward(gradients.states, gradients.weight, gradients.bias)
        ctx.mark_non_differentiable(log_loss)
        return scale * ((1 - label_smoothing) * log_loss + label_smoothing * spread), log_loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, loss_gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """Hands the gradients of states, weight and bias out."""
        gradients = ctx.saved_tensors
        if loss_gradient.is_cuda or loss_gradient != 1:  # to ask a GPU costs more than to multiply
            gradients = tuple(gradient * loss_gradient for gradient in gradients)
        return *gradients, None, None, None, None
