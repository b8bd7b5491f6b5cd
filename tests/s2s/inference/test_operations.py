"""Counts of multiply-adds, compared with products of the sizes of the layers."""

import pytest
import torch

from s2s.inference.operations import multiply_adds
from tests.support import tiny

S, T = 7, 5
E, H, L, V = 4, 5, 2, 8
SOFTMAX = T * H * V


def stack(gates: int) -> int:
    """Return the multiply-adds of one step of two layers: inputs and states times the weights of each gate."""
    return gates * H * (E + H) + gates * H * (H + H)


@pytest.mark.parametrize(
    ("cell", "gates"), [("lstm", 4), ("lstm_peephole", 4), ("gru", 3), ("gru_cho", 3), ("rnn_tanh", 1), ("rnn_relu", 1)]
)
def test_recurrent_layers_multiply_each_weight_once_a_token(cell: str, gates: int) -> None:
    network = tiny.network(cell=cell)
    assert multiply_adds(network, S, T) == (S + T) * stack(gates) + SOFTMAX


def test_a_second_direction_reads_again_and_is_joined() -> None:
    joining = 2 * L * 2 * H * H  # h and c of each layer, two directions joined
    assert multiply_adds(tiny.network(bidirectional=True), S, T) == (2 * S + T) * stack(4) + joining + SOFTMAX


def test_a_transformer_multiplies_as_vaswani_counts() -> None:
    H, F, V = 8, 16, 8
    network = tiny.network(network="transformer", hidden=H, embedding=H, heads=2, feed_forward=F)
    encoder = S * (4 * H * H + 2 * H * F) + 2 * S * S * H
    decoder = T * (6 * H * H + 2 * H * F) + 2 * T * T * H + S * 2 * H * H + 2 * T * S * H
    assert multiply_adds(network, S, T) == L * (encoder + decoder) + T * H * V


def test_looking_at_each_position_is_counted() -> None:
    luong = tiny.network(context="luong_dot")
    look, joining = 2 * T * S * H, T * 2 * H * H
    assert multiply_adds(luong, S, T) == (S + T) * stack(4) + look + joining + SOFTMAX


def test_counting_changes_nothing() -> None:
    network, settings = tiny.network(), torch.backends.mkldnn.enabled
    before = [weight.clone() for weight in network.parameters()]
    assert multiply_adds(network, S, T) == multiply_adds(network, S, T)
    assert all(torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
    assert torch.backends.mkldnn.enabled == settings
