"""Recurrent cells: their equations, and one step of each with its weights laid out for it.

Shapes: R rows, sentences or hypotheses, E inputs, H hidden.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from s2s.network.interface import Tensors

Product = Callable[[Tensor], Tensor]  # rows [R, inputs] to rows [R, outputs]
CellStep = Callable[[Tensor, Tensors], Tensors]  # inputs [R, E] and h, perhaps c, before, [R, H] each, to those after


def product(weight: Tensor, bias: Tensor | None) -> Product:
    """x W' + b for many x one after the other, W [outputs, inputs].

    On a processor, where no gradient is wanted, oneDNN lays W out once as its kernels read it. Doing it in every call
    makes the softmax of 64 rows take 1.5 times as long. This is how torch.compile freezes a layer; torch has no other
    name for it.
    """
    plain = torch.is_grad_enabled() or not weight.is_cpu or weight.dtype != torch.float32
    if plain or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return partial(F.linear, weight=weight, bias=bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
    return lambda rows: torch.ops.mkldnn._linear_pointwise(rows, packed, bias, "none", [], "")


def lstm_cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The sums of the four gates, [R, 4 H], and c before to h and c after, [R, H] each (Graves 2013, section 2)."""
    entry, forget, candidate, exit_ = gates.chunk(4, dim=1)
    c = torch.sigmoid(forget) * c + torch.sigmoid(entry) * torch.tanh(candidate)
    return torch.sigmoid(exit_) * torch.tanh(c), c


def peephole_cell(gates: Tensor, c: Tensor, peepholes: Tensor) -> tuple[Tensor, Tensor]:
    """As `lstm_cell`, with gates that see c: those of entry and forgetting c before, that of exit c after.

    Graves 2013, equations 7 to 11; peepholes [3, H].
    """
    entry, forget, candidate, exit_ = gates.chunk(4, dim=1)
    of_entry, of_forget, of_exit = peepholes.unbind(0)
    before = c
    c = torch.sigmoid(forget + of_forget * before) * before
    c = c + torch.sigmoid(entry + of_entry * before) * torch.tanh(candidate)
    return torch.sigmoid(exit_ + of_exit * c) * torch.tanh(c), c


def gru_cell(of_input: Tensor, of_hidden: Tensor, h: Tensor) -> Tensor:
    """h after, [R, H], from what inputs and h before add to reset, update and candidate, [R, 3 H] each.

    The reset gate is laid on the product of h, as cuDNN has it; in `gru_cho_cell` on h itself.
    """
    reset, update, candidate = of_input.chunk(3, dim=1)
    reset_h, update_h, candidate_h = of_hidden.chunk(3, dim=1)
    update = torch.sigmoid(update + update_h)
    new = torch.tanh(candidate + torch.sigmoid(reset + reset_h) * candidate_h)
    return (1 - update) * new + update * h


def gru_cho_cell(of_input: Tensor, gates: Tensor, h: Tensor, recurrent: Product) -> Tensor:
    """h after, [R, H] (Cho et al. 2014, equations 5 to 8).

    Args:
        of_input: what inputs add to reset, update and candidate, [R, 3 H].
        gates: what h before adds to reset and update, [R, 2 H].
        h: before, [R, H].
        recurrent: the product of what is left of h after the reset, [R, H] to [R, H].
    """
    reset, update = torch.sigmoid(of_input[:, : gates.shape[1]] + gates).chunk(2, dim=1)
    new = torch.tanh(of_input[:, gates.shape[1] :] + recurrent(reset * h))
    return update * h + (1 - update) * new


def gates_of(weights: Sequence[Tensor]) -> Product:
    """The product of a layer that reads input and h side by side: [R, E + H] to the sums of the gates."""
    of_input, of_hidden, *biases = weights
    return product(torch.cat((of_input, of_hidden), dim=1), biases[0] + biases[1] if len(biases) > 1 else biases[0])


def lstm_step(weights: Sequence[Tensor]) -> CellStep:
    """A step of torch's LSTM, from its weights in torch's order."""
    gates = gates_of(weights)
    return lambda inputs, state: lstm_cell(gates(torch.cat((inputs, state[0]), dim=1)), state[1])


def rnn_step(weights: Sequence[Tensor], squash: Callable[[Tensor], Tensor]) -> CellStep:
    """A step of Elman's network: h = squash(W x + U h + b)."""
    sums = gates_of(weights)
    return lambda inputs, state: (squash(sums(torch.cat((inputs, state[0]), dim=1))),)


def gru_step(weights: Sequence[Tensor]) -> CellStep:
    """A step of torch's GRU, from its weights in torch's order."""
    of_input, of_hidden, bias, hidden_bias = weights
    inputs_to, hidden_to = product(of_input, bias), product(of_hidden, hidden_bias)
    return lambda inputs, state: (gru_cell(inputs_to(inputs), hidden_to(state[0]), state[0]),)


def peephole_step(weights: Sequence[Tensor]) -> CellStep:
    """A step of the LSTM with peepholes, from weights of input and h, a bias, and the peepholes."""
    *linear, peepholes = weights
    gates = gates_of(linear)
    return lambda inputs, state: peephole_cell(gates(torch.cat((inputs, state[0]), dim=1)), state[1], peepholes)


def gru_cho_step(weights: Sequence[Tensor]) -> CellStep:
    """A step of Cho's unit, from weights of input and h, and a bias."""
    of_input, of_hidden, bias = weights
    H = of_hidden.shape[1]
    inputs_to, gates_to = product(of_input, bias), product(of_hidden[: 2 * H], None)
    recurrent = product(of_hidden[2 * H :], None)
    return lambda inputs, state: (gru_cho_cell(inputs_to(inputs), gates_to(state[0]), state[0], recurrent),)
