"""Recurrent cells and the maxout layer: their equations, and single steps with prepacked weights.

Shapes: R rows (sentences or hypotheses), E inputs, H hidden.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from s2s.model.interface import Tensors

Product = Callable[[Tensor], Tensor]  # rows [R, inputs] to rows [R, outputs]
CellStep = Callable[[Tensor, Tensors], Tensors]  # inputs [R, E] and the state before, [R, H] each, to the state after


def product(weight: Tensor, bias: Tensor | None) -> Product:
    """Return a function that computes x W' + b, to be called many times.

    On a CPU and without gradients, W is prepacked once in the layout of oneDNN's kernels. To repack it in every call
    makes the softmax of 64 rows 1.5 times slower. torch.compile freezes layers by the same private operations; torch
    has no public name for them.

    Args:
        weight: W, [outputs, inputs].
        bias: b, [outputs], if any.
    """
    is_plain = torch.is_grad_enabled() or not weight.is_cpu or weight.dtype != torch.float32
    if is_plain or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return partial(F.linear, weight=weight, bias=bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
    return lambda rows: torch.ops.mkldnn._linear_pointwise(rows, packed, bias, "none", [], "")


def lstm_cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Return h and c after a step of an LSTM, [R, H] each (Graves 2013, section 2).

    Args:
        gates: the sums of the four gates before their nonlinearity, [R, 4 H].
        c: the memory before, [R, H].
    """
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
    c = torch.sigmoid(forget_gate) * c + torch.sigmoid(input_gate) * torch.tanh(candidate)
    return torch.sigmoid(output_gate) * torch.tanh(c), c


def peephole_cell(gates: Tensor, c: Tensor, peepholes: Tensor) -> tuple[Tensor, Tensor]:
    """Return h and c after a step of an LSTM with peepholes, [R, H] each (Graves 2013, equations 7 to 11).

    The input and forget gates read c before the step, the output gate c after it.

    Args:
        gates: as in `lstm_cell`, [R, 4 H].
        c: the memory before, [R, H].
        peepholes: weights of c in the input, forget and output gate, [3, H].
    """
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
    to_input, to_forget, to_output = peepholes.unbind(0)
    before = c
    c = torch.sigmoid(forget_gate + to_forget * before) * before
    c = c + torch.sigmoid(input_gate + to_input * before) * torch.tanh(candidate)
    return torch.sigmoid(output_gate + to_output * c) * torch.tanh(c), c


def gru_cell(of_input: Tensor, of_hidden: Tensor, h: Tensor) -> Tensor:
    """Return h after a step of cuDNN's GRU, [R, H].

    The reset gate multiplies the product of h; in `gru_cho_cell` it multiplies h itself.

    Args:
        of_input: the products of the inputs for reset, update and candidate, [R, 3 H].
        of_hidden: the products of h before for the same, [R, 3 H].
        h: the state before, [R, H].
    """
    reset, update, candidate = of_input.chunk(3, dim=1)
    reset_h, update_h, candidate_h = of_hidden.chunk(3, dim=1)
    update = torch.sigmoid(update + update_h)
    new = torch.tanh(candidate + torch.sigmoid(reset + reset_h) * candidate_h)
    return (1 - update) * new + update * h


def gru_cho_cell(of_input: Tensor, gates: Tensor, h: Tensor, recurrent: Product) -> Tensor:
    """Return h after a step of Cho's GRU, [R, H] (Cho et al. 2014, equations 5 to 8).

    Args:
        of_input: the products of the inputs for reset, update and candidate, [R, 3 H].
        gates: the products of h before for reset and update, [R, 2 H].
        h: the state before, [R, H].
        recurrent: the product of the reset state for the candidate, [R, H] to [R, H].
    """
    reset, update = torch.sigmoid(of_input[:, : gates.shape[1]] + gates).chunk(2, dim=1)
    new = torch.tanh(of_input[:, gates.shape[1] :] + recurrent(reset * h))
    return update * h + (1 - update) * new


def gates_of(weights: Sequence[Tensor]) -> Product:
    """Return the product of a layer that reads [input; h]: [R, E + H] to the sums of the gates."""
    of_input, of_hidden, *biases = weights
    return product(torch.cat((of_input, of_hidden), dim=1), biases[0] + biases[1] if len(biases) > 1 else biases[0])


def lstm_step(weights: Sequence[Tensor]) -> CellStep:
    """Return a step of torch's LSTM with these weights, given in torch's order."""
    gates = gates_of(weights)
    return lambda inputs, state: lstm_cell(gates(torch.cat((inputs, state[0]), dim=1)), state[1])


def rnn_step(weights: Sequence[Tensor], squash: Callable[[Tensor], Tensor]) -> CellStep:
    """Return a step of Elman's network: h = squash(W x + U h + b)."""
    sums = gates_of(weights)
    return lambda inputs, state: (squash(sums(torch.cat((inputs, state[0]), dim=1))),)


def gru_step(weights: Sequence[Tensor]) -> CellStep:
    """Return a step of torch's GRU with these weights, given in torch's order."""
    of_input, of_hidden, bias, hidden_bias = weights
    inputs_to, hidden_to = product(of_input, bias), product(of_hidden, hidden_bias)
    return lambda inputs, state: (gru_cell(inputs_to(inputs), hidden_to(state[0]), state[0]),)


def peephole_step(weights: Sequence[Tensor]) -> CellStep:
    """Return a step of an LSTM with peepholes, with weights of input and h, a bias and the peepholes."""
    *linear, peepholes = weights
    gates = gates_of(linear)
    return lambda inputs, state: peephole_cell(gates(torch.cat((inputs, state[0]), dim=1)), state[1], peepholes)


def gru_cho_step(weights: Sequence[Tensor]) -> CellStep:
    """Return a step of Cho's GRU, with weights of input and h, and a bias."""
    of_input, of_hidden, bias = weights
    H = of_hidden.shape[1]
    inputs_to, gates_to = product(of_input, bias), product(of_hidden[: 2 * H], None)
    recurrent = product(of_hidden[2 * H :], None)
    return lambda inputs, state: (gru_cho_cell(inputs_to(inputs), gates_to(state[0]), state[0], recurrent),)


class Maxout(nn.Linear):
    """A layer from [.., inputs] to [.., units], where unit j is the larger of sums j and units + j.

    The papers pair sums 2 j - 1 and 2 j, which only numbers the rows of W differently; two halves are contiguous in
    memory. The sums have a bias, which the papers leave out of their equations.
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, 2 * units)

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the units of any number of rows."""
        return larger(super().forward(inputs))

    def stepper(self) -> Product:
        """Return a function for evaluation that computes `forward` of rows [R, inputs], with prepacked weights."""
        sums = product(self.weight, self.bias)
        return lambda rows: larger(sums(rows))


def larger(sums: Tensor) -> Tensor:
    """Return the larger sum of each pair: [.., 2 units] to [.., units]."""
    return torch.maximum(*sums.chunk(2, dim=-1))
