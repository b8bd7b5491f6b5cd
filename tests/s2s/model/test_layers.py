"""Each kind of cell, alone and in layers, compared with its equations and with torch's own cells."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from s2s.data.batches import pack_sources
from s2s.model import layers
from s2s.model.recurrent import RecurrentEncoder
from s2s.model.seq2seq import parameter_count
from s2s.model.stack import CELLS, Stack
from tests.support import equations, tiny
from tests.support.equations import array

EACH = pytest.mark.parametrize("cell", CELLS)
SENTENCES = [[3, 4, 5, 6, 7], [6], [7, 3], [4, 4, 4]]
LAYERS: dict[str, dict[str, object]] = {
    "one": {"layers": 1},
    "three": {"layers": 3},
    "residual": {"layers": 3, "residual": True},
    "residual from the words on": {"layers": 2, "residual": True, "embedding": 5},
    "layer norm": {"layers": 3, "layer_norm": True},
    "both": {"layers": 3, "residual": True, "layer_norm": True},
}


def encoder(**changes: object) -> RecurrentEncoder:
    """Make an encoder with random weights, including those of layer normalization."""
    network = tiny.network(1, **changes).encoder
    assert isinstance(network, RecurrentEncoder)
    for module in network.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return network


def check_reading(network: RecurrentEncoder, cell: str) -> None:
    """Check that an encoder of sentences of several lengths agrees with the equations for each sentence alone."""
    packed = pack_sources([torch.tensor(tokens) for tokens in SENTENCES], reverse=False)
    with torch.no_grad():
        outputs, state = network.read(packed)
    padded, lengths = nn.utils.rnn.pad_packed_sequence(outputs)
    for row, tokens in enumerate(SENTENCES):
        expected, expected_state = equations.encode(network, cell, tokens)
        np.testing.assert_allclose(array(padded[: lengths[row], row]), expected, atol=1e-6, rtol=1e-6)
        for part, expected_part in zip(state, expected_state, strict=True):
            np.testing.assert_allclose(array(part[:, row]), expected_part, atol=1e-6, rtol=1e-6)


@EACH
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("most_runs", [0, 10])
def test_sentences_are_read_as_the_equations_say(
    cell: str, layers: str, most_runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s2s.model.stack.RUNS", most_runs)
    check_reading(encoder(cell=cell, **LAYERS[layers]), cell)


@EACH
@pytest.mark.parametrize("layers", ["one", "both"])
def test_two_directions_are_joined_as_stated(cell: str, layers: str) -> None:
    check_reading(encoder(cell=cell, bidirectional=True, **LAYERS[layers]), cell)


@EACH
@pytest.mark.parametrize("layers", LAYERS)
def test_a_step_is_the_equations(cell: str, layers: str) -> None:
    stack = encoder(cell=cell, **LAYERS[layers]).stack
    width = stack.weights()[0][0].shape[1]
    inputs = torch.randn(3, width)
    state = tuple(torch.rand(stack.layers, 3, 5) for _ in range(stack.cell.states))
    with torch.inference_mode():
        outputs, after = stack.stepper()(inputs, state)
    for row in range(3):
        before = [array(part[:, row]) for part in state]
        expected, expected_after = equations.read(stack, cell, array(inputs[row : row + 1]), before)
        np.testing.assert_allclose(array(outputs[row]), expected[0], atol=1e-6)
        for part, expected_part in zip(after, expected_after, strict=True):
            np.testing.assert_allclose(array(part[:, row]), expected_part, atol=1e-6)


TORCHS: dict[str, nn.RNNCellBase] = {
    "lstm": nn.LSTMCell(4, 5),
    "gru": nn.GRUCell(4, 5),
    "rnn_tanh": nn.RNNCell(4, 5),
    "rnn_relu": nn.RNNCell(4, 5, nonlinearity="relu"),
}


def drawn(cell: str) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Draw inputs, [3, 4], and a state, [3, 5] each."""
    return torch.randn(3, 4), tuple(torch.randn(3, 5) for _ in range(CELLS[cell].states))


@pytest.mark.parametrize("cell", TORCHS)
def test_a_step_is_that_of_torchs_own_cell(cell: str) -> None:
    inputs, state = drawn(cell)
    cell_of_torch = TORCHS[cell]
    expected = cell_of_torch(inputs, state if len(state) > 1 else state[0])
    after = CELLS[cell].step(list(cell_of_torch.parameters()))(inputs, state)
    torch.testing.assert_close(after, expected if len(state) > 1 else (expected,), atol=1e-6, rtol=0)


def test_without_peepholes_it_is_an_lstm() -> None:
    inputs, state = drawn("lstm")
    cell_of_torch = nn.LSTMCell(4, 5)
    of_input, of_hidden, bias, hidden_bias = cell_of_torch.parameters()
    after = layers.peephole_step([of_input, of_hidden, bias + hidden_bias, torch.zeros(3, 5)])(inputs, state)
    torch.testing.assert_close(after, cell_of_torch(inputs, state), atol=1e-6, rtol=0)


def test_chos_unit_with_an_open_reset_gate_is_torchs_gru() -> None:
    inputs, state = drawn("gru")
    cell_of_torch = nn.GRUCell(4, 5)
    of_input, of_hidden, bias, hidden_bias = cell_of_torch.parameters()
    with torch.no_grad():
        bias[:5] = 100
    after = layers.gru_cho_step([of_input, of_hidden, bias + hidden_bias])(inputs, state)
    torch.testing.assert_close(after, (cell_of_torch(inputs, state[0]),), atol=1e-6, rtol=0)


def test_chos_unit_with_closed_gates_forgets_h() -> None:
    inputs, (h,) = drawn("gru")
    of_input, of_hidden, bias, _ = nn.GRUCell(4, 5).parameters()
    with torch.no_grad():
        bias[:10] = -100
    (after,) = layers.gru_cho_step([of_input, of_hidden, bias])(inputs, (h,))
    torch.testing.assert_close(after, torch.tanh(inputs @ of_input[10:].T + bias[10:]), atol=1e-6, rtol=0)


@EACH
@pytest.mark.parametrize("residual", [False, True])
def test_dropout_is_between_layers_and_never_within(cell: str, residual: bool) -> None:
    """Dropout drops all numbers here: the upper layer then reads zeros, and the lower layer is not changed."""
    stack = Stack(tiny.architecture(cell=cell, layers=2, dropout=1.0, residual=residual), 4).train()
    for parameter in stack.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    inputs = torch.randn(3, 1, 4)
    outputs, state = stack(inputs, stack.zeros(inputs, 1))
    weights = [[array(weight) for weight in layer] for layer in stack.weights()]
    lower = upper = [np.zeros(5)] * stack.cell.states
    for number in range(3):
        lower = equations.STEPS[cell](weights[0], array(inputs[number, 0]), lower)
        upper = equations.STEPS[cell](weights[1], np.zeros(5), upper)
        np.testing.assert_allclose(array(outputs[number, 0]), upper[0], atol=1e-6)
    for part, below, above in zip(state, lower, upper, strict=True):
        np.testing.assert_allclose(array(part[:, 0]), [below, above], atol=1e-6)


COUNTS: dict[str, Callable[[int, int], int]] = {
    "lstm": lambda E, H: 4 * (E * H + H**2 + 2 * H),
    "lstm_peephole": lambda E, H: 4 * (E * H + H**2 + H) + 3 * H,
    "gru": lambda E, H: 3 * (E * H + H**2 + 2 * H),
    "gru_cho": lambda E, H: 3 * (E * H + H**2 + H),
    "rnn_tanh": lambda E, H: E * H + H**2 + 2 * H,
    "rnn_relu": lambda E, H: E * H + H**2 + 2 * H,
}
"""Number of weights in a layer; torch's layers have two biases."""


@EACH
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_a_model_has_as_many_parameters_as_the_formulas_say(cell: str, bidirectional: bool, layer_norm: bool) -> None:
    E, H, V_s, V_t, L = 7, 6, 11, 13, 3
    stack = COUNTS[cell](E, H) + (L - 1) * COUNTS[cell](H, H)
    if layer_norm:
        stack += 2 * (E + (L - 1) * H)
    encoder = V_s * E + (2 * stack + CELLS[cell].states * (2 * H * H + H) if bidirectional else stack)
    decoder = V_t * E + stack + V_t * H + V_t
    model = tiny.network(
        cell=cell,
        layers=L,
        hidden=H,
        embedding=E,
        bidirectional=bidirectional,
        layer_norm=layer_norm,
        residual=True,
        source_vocabulary=V_s,
        target_vocabulary=V_t,
    )
    assert parameter_count(model) == encoder + decoder
