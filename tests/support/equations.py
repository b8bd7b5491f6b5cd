"""Recurrent networks computed in NumPy, one sentence and one step at a time, with the weights of torch's modules.

Shapes: S steps, E inputs, H hidden, L layers.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from s2s.model.recurrent import RecurrentEncoder
from s2s.model.stack import Stack

Array = NDArray[np.float64]
State = list[Array]
"""h, and c if the cell has one."""


def array(tensor: Tensor) -> Array:
    """Return a tensor in double precision."""
    return np.asarray(tensor.detach().double().numpy())


def affine(layer: nn.Linear, x: Array) -> Array:
    """Compute W x + b."""
    return np.asarray(array(layer.weight) @ x + array(layer.bias))


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def maxout(layer: nn.Linear, x: Array) -> Array:
    """Compute the larger of sums j and units + j (Goodfellow et al. 2013)."""
    sums = affine(layer, x)
    return np.array([max(pair) for pair in zip(sums[: len(sums) // 2], sums[len(sums) // 2 :], strict=True)])


def lstm(weights: Sequence[Array], x: Array, state: State) -> State:
    """Compute a step of torch.nn.LSTM, with rows of input, forget, candidate and output gate."""
    h, c = state
    W_i, W_f, W_g, W_o = np.split(weights[0], 4)
    U_i, U_f, U_g, U_o = np.split(weights[1], 4)
    b_i, b_f, b_g, b_o = np.split(weights[2] + weights[3], 4)
    i, f = sigmoid(W_i @ x + U_i @ h + b_i), sigmoid(W_f @ x + U_f @ h + b_f)
    o, g = sigmoid(W_o @ x + U_o @ h + b_o), np.tanh(W_g @ x + U_g @ h + b_g)
    c = f * c + i * g
    return [o * np.tanh(c), c]


def lstm_peephole(weights: Sequence[Array], x: Array, state: State) -> State:
    """Compute a step of an LSTM with peepholes (Graves 2013, equations 7 to 11)."""
    h, c = state
    W_i, W_f, W_c, W_o = np.split(weights[0], 4)
    U_i, U_f, U_c, U_o = np.split(weights[1], 4)
    b_i, b_f, b_c, b_o = np.split(weights[2], 4)
    w_ci, w_cf, w_co = weights[3]
    i = sigmoid(W_i @ x + U_i @ h + w_ci * c + b_i)
    f = sigmoid(W_f @ x + U_f @ h + w_cf * c + b_f)
    c = f * c + i * np.tanh(W_c @ x + U_c @ h + b_c)
    o = sigmoid(W_o @ x + U_o @ h + w_co * c + b_o)
    return [o * np.tanh(c), c]


def gru(weights: Sequence[Array], x: Array, state: State) -> State:
    """Compute a step of torch.nn.GRU, with rows of reset, update and candidate."""
    (h,) = state
    W_r, W_z, W_n = np.split(weights[0], 3)
    U_r, U_z, U_n = np.split(weights[1], 3)
    b_r, b_z, b_n = np.split(weights[2], 3)
    d_r, d_z, d_n = np.split(weights[3], 3)
    r, z = sigmoid(W_r @ x + b_r + U_r @ h + d_r), sigmoid(W_z @ x + b_z + U_z @ h + d_z)
    n = np.tanh(W_n @ x + b_n + r * (U_n @ h + d_n))
    return [(1 - z) * n + z * h]


def gru_cho(weights: Sequence[Array], x: Array, state: State) -> State:
    """Compute a step of Cho's GRU, with biases (Cho et al. 2014, equations 5 to 8)."""
    (h,) = state
    W_r, W_z, W = np.split(weights[0], 3)
    U_r, U_z, U = np.split(weights[1], 3)
    b_r, b_z, b = np.split(weights[2], 3)
    r, z = sigmoid(W_r @ x + U_r @ h + b_r), sigmoid(W_z @ x + U_z @ h + b_z)
    return [z * h + (1 - z) * np.tanh(W @ x + U @ (r * h) + b)]


def elman(weights: Sequence[Array], x: Array, state: State, squash: Callable[[Array], Array]) -> State:
    """Compute a step of Elman's network."""
    return [squash(weights[0] @ x + weights[2] + weights[1] @ state[0] + weights[3])]


STEPS: dict[str, Callable[[Sequence[Array], Array, State], State]] = {
    "lstm": lstm,
    "lstm_peephole": lstm_peephole,
    "gru": gru,
    "gru_cho": gru_cho,
    "rnn_tanh": partial(elman, squash=np.tanh),
    "rnn_relu": partial(elman, squash=lambda x: np.maximum(x, 0)),
}


def normalized(norm: nn.LayerNorm, x: Array) -> Array:
    """Normalize a layer's inputs (Ba et al. 2016, equation 4)."""
    return np.asarray((x - x.mean()) / np.sqrt(x.var() + norm.eps) * array(norm.weight) + array(norm.bias))


def read(stack: Stack, cell: str, inputs: Array, state: State | None = None) -> tuple[Array, State]:
    """Compute all layers over a sentence.

    Args:
        stack: its layers.
        cell: their kind.
        inputs: [S, E].
        state: before, [L, H] each; None: zeros.

    Returns:
        The top layer's output at each step, [S, H], and the state after, [L, H] each.
    """
    layers = stack.weights()
    parts = 2 if cell.startswith("lstm") else 1
    state = state or [np.zeros((len(layers), layers[0][1].shape[1]))] * parts
    ends: list[State] = []
    for number, weights in enumerate(layers):
        now, outputs = [part[number] for part in state], []
        for x in inputs:
            normed = x if stack.norms is None else normalized(stack.norms[number], x)  # type: ignore[arg-type]
            now = STEPS[cell]([array(weight) for weight in weights], normed, now)
            outputs.append(now[0] + x if stack.residual and len(x) == len(now[0]) else now[0])
        inputs = np.array(outputs)
        ends.append(now)
    return inputs, [np.array(part) for part in zip(*ends, strict=True)]


def encode(encoder: RecurrentEncoder, cell: str, tokens: Sequence[int]) -> tuple[Array, State]:
    """Compute each position's h, [S, H or 2 H], and the state, [L, H] each, of a source in the order of reading."""
    inputs = array(encoder.embedding.weight)[list(tokens)]
    outputs, state = read(encoder.stack, cell, inputs)
    if encoder.backward_stack is None or encoder.bridges is None:
        return outputs, state
    back, back_state = read(encoder.backward_stack, cell, inputs[::-1])
    joined = [
        np.array([affine(bridge, np.concatenate(pair)) for pair in zip(forward, backward, strict=True)])  # type: ignore[arg-type]
        for bridge, forward, backward in zip(encoder.bridges, state, back_state, strict=True)
    ]
    return np.hstack((outputs, back[::-1])), [np.tanh(joined[0]), *joined[1:]]
