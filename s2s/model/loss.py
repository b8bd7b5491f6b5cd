"""Cross-entropy of the right next token, computed in chunks so that all logits are never in memory.

Logits would be the largest tensor: those of 3,500 tokens and 80,000 words are 1.1 GB, and their gradient is as large.
So a chunk of tokens is computed at a time. If gradients are wanted, those of the states and the layer are computed in
the forward pass from the chunk's probabilities, and the backward pass only returns them.

Shapes: N tokens, n tokens of a chunk, H hidden, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CPU_BYTES = 16 << 20  # of a chunk's logits, which then stay in the last cache of a CPU
CPU_TOKENS = 256  # a chunk, at least: each chunk updates the weight's whole gradient, which dominates with fewer tokens
CUDA_BYTES = 512 << 20  # of a chunk's logits


def linear_cross_entropy(
    states: Tensor, output: nn.Linear, targets: Tensor, label_smoothing: float = 0.0, scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Sum the losses of all tokens, given the inputs of the output layer.

    Under autocast the products have its type; log-sum-exp, sums and the gradients of the layer are float32.

    Args:
        states: inputs of the layer, [N, H].
        output: the layer from states to logits.
        targets: the right tokens, [N].
        label_smoothing: share of the right token's probability that is spread evenly over all tokens.
        scale: factor of the loss, and so of the gradients.

    Returns:
        The loss to be minimized and, detached and unscaled, the negative log-likelihood for the perplexity, in nats.
    """
    inputs = states, output.weight, output.bias
    learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    return LinearCrossEntropy.apply(*inputs, targets, label_smoothing, scale, learns)  # type: ignore[no-any-return, no-untyped-call]


@torch.no_grad()
def token_log_losses(states: Tensor, output: nn.Linear, targets: Tensor) -> Tensor:
    """Return the negative log-probability of each right token in nats, [N], without gradients.

    Args:
        states: inputs of the layer, [N, H].
        output: the layer from states to logits.
        targets: the right tokens, [N].
    """
    softmax, losses = Softmax(states, output.weight, output.bias), []
    with torch.autocast(states.device.type, enabled=False):
        for chunk in softmax.chunks:
            losses.append(-softmax.log_probs(states[chunk]).gather(1, targets[chunk, None]).squeeze(1))
    return torch.cat(losses)


class Softmax:
    """The output layer with its softmax, and the memory for one chunk of tokens, which all chunks reuse."""

    def __init__(self, states: Tensor, weight: Tensor, bias: Tensor) -> None:
        kind = states.device.type
        products = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        self.weight, self.bias = weight.to(products), bias.to(products)
        self.chunks = chunks(len(states), len(weight) * weight.element_size(), kind)
        shape = self.chunks[0].stop, len(weight)
        self.logits = weight.new_empty(shape, dtype=products)
        self.wide = self.logits if products == weight.dtype else weight.new_empty(shape)

    def log_probs(self, states: Tensor) -> Tensor:
        """Return the log-probabilities of a chunk's states, [n, H] to [n, V], in the type of the weight.

        The next call overwrites them.
        """
        logits, wide = self.logits[: len(states)], self.wide[: len(states)]
        torch.addmm(self.bias, states.to(logits.dtype), self.weight.T, out=logits)
        if wide.dtype != logits.dtype:
            wide.copy_(logits)
        return torch.log_softmax(wide, -1, out=wide)

    def errors(self, log_probs: Tensor, targets: Tensor, right: Tensor, label_smoothing: float) -> Tensor:
        """Return the gradient of the loss with respect to the logits: probabilities minus the wanted distribution.

        Args:
            log_probs: of all tokens, [n, V]; overwritten.
            targets: the right tokens, [n, 1].
            right: the log-probabilities of the right tokens, [n, 1].
            label_smoothing: as in `linear_cross_entropy`.

        Returns:
            The gradient in the type of the products, [n, V].
        """
        errors = torch.exp(log_probs, out=self.logits[: len(log_probs)])
        spread = label_smoothing / log_probs.shape[1]
        if spread:
            errors -= spread
        return errors.scatter_(1, targets, (right.exp() - (1 - label_smoothing) - spread).to(errors.dtype))


def chunks(tokens: int, token_bytes: int, device: str) -> list[slice]:
    """Divide a number of tokens into chunks of about equal size, at least one, which may be empty."""
    limit = max(1, CUDA_BYTES // token_bytes) if device == "cuda" else max(CPU_TOKENS, CPU_BYTES // token_bytes)
    count = max(1, -(-tokens // limit))
    size = -(-tokens // count)
    return [slice(number * size, min(tokens, (number + 1) * size)) for number in range(count)]


class Gradients:
    """The gradients of states, weight and bias, filled one chunk at a time."""

    def __init__(self, states: Tensor, weight: Tensor, bias: Tensor) -> None:
        self.states, self.weight, self.bias = torch.empty_like(states), torch.empty_like(weight), torch.zeros_like(bias)

    def add(self, softmax: Softmax, chunk: slice, errors: Tensor, states: Tensor, scale: float) -> None:
        """Add the gradients of a chunk, from errors, [n, V], and states, [n, H]."""
        torch.mul(errors @ softmax.weight, scale, out=self.states[chunk])
        scaled = (states * scale).to(errors.dtype)
        add_product(self.weight, errors.T, scaled, is_first=chunk.start == 0)
        self.bias.add_(errors.sum(0, dtype=self.bias.dtype), alpha=scale)


def add_product(total: Tensor, left: Tensor, right: Tensor, is_first: bool) -> None:
    """Add a product to a total, or overwrite the total with the first product.

    Products of 16-bit factors are not rounded to 16 bits.
    """
    if left.dtype == total.dtype:
        total.addmm_(left, right, beta=0 if is_first else 1)
    elif not left.is_cuda:  # a CPU has no products whose result has another type
        add_product(total, left.to(total.dtype), right.to(total.dtype), is_first)
    elif is_first:
        torch.mm(left, right, out_dtype=total.dtype, out=total)
    else:
        total += torch.mm(left, right, out_dtype=total.dtype)


class LinearCrossEntropy(torch.autograd.Function):
    """The loss with its gradients, all computed in the forward pass, by three products a chunk."""

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
        """Return the loss and the negative log-likelihood, and keep the gradients if `learns`."""
        softmax, gradients = Softmax(states, weight, bias), Gradients(states, weight, bias) if learns else None
        log_loss, spread = weight.new_zeros(()), weight.new_zeros(())
        with torch.autocast(states.device.type, enabled=False):
            for chunk in softmax.chunks:
                log_probs, right_tokens = softmax.log_probs(states[chunk]), targets[chunk, None]
                right = log_probs.gather(1, right_tokens)
                log_loss -= right.sum()
                if label_smoothing:
                    spread -= log_probs.mean(1).sum()
                if gradients is not None:
                    errors = softmax.errors(log_probs, right_tokens, right, label_smoothing)
                    gradients.add(softmax, chunk, errors, states[chunk], scale)
        if gradients is not None:
            ctx.save_for_backward(gradients.states, gradients.weight, gradients.bias)
        ctx.mark_non_differentiable(log_loss)
        return scale * ((1 - label_smoothing) * log_loss + label_smoothing * spread), log_loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, loss_gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of states, weight and bias."""
        gradients = ctx.saved_tensors
        if (
            loss_gradient.is_cuda or loss_gradient != 1
        ):  # comparing would synchronize a GPU and cost more than multiplying
            gradients = tuple(gradient * loss_gradient for gradient in gradients)
        return *gradients, None, None, None, None
