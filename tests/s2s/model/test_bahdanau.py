"""Additive attention: its equations, the shapes of its parameters, and its initial weights."""

import numpy as np
import pytest
import torch

from s2s.model.bahdanau import BahdanauDecoder, BahdanauEncoder
from s2s.model.seq2seq import Seq2Seq, parameter_count
from s2s.text.vocabulary import EOS
from tests.support import attending, equations, tiny
from tests.support.equations import Array, array

KINDS: dict[str, dict[str, object]] = {
    "the paper's": {"cell": "gru_cho", "bidirectional": True, "layers": 1},
    "one direction": {"cell": "gru"},
    "two layers of two directions": {"cell": "lstm", "bidirectional": True},
    "deep": {"cell": "lstm_peephole", "layers": 3, "residual": True, "layer_norm": True},
}


def network(**changes: object) -> Seq2Seq:
    return tiny.network(1, **{"context": "bahdanau", "maxout": 3} | changes)


def parts(model: Seq2Seq) -> tuple[BahdanauEncoder, BahdanauDecoder]:
    assert isinstance(model.encoder, BahdanauEncoder) and isinstance(model.decoder, BahdanauDecoder)
    return model.encoder, model.decoder


def written_out(model: Seq2Seq, source: list[int], target_inputs: list[int]) -> tuple[Array, Array]:
    """Compute the logits, [T, V], and weights, [T, S], of one sentence (Bahdanau et al. 2015, appendix A.2)."""
    encoder, decoder = parts(model)
    cell = model.architecture.cell
    words = array(encoder.embedding.weight)[source]
    h, state = equations.read(encoder.stack, cell, words)
    if encoder.backward_stack is not None and encoder.bridges is not None:
        back, back_state = equations.read(encoder.backward_stack, cell, words[::-1])
        h = np.hstack((h, back[::-1]))
        first, *memory = (
            np.array([equations.affine(bridge, layer) for layer in part])  # type: ignore[arg-type]
            for bridge, part in zip(encoder.bridges, back_state, strict=True)
        )
        state = [np.tanh(first), *memory]
    W, U, v = array(decoder.score_query.weight), array(encoder.score_keys.weight), array(decoder.score_vector)
    logits, weights = [], []
    for y in array(decoder.embedding.weight)[target_inputs]:
        e = np.array([v @ np.tanh(W @ state[0][-1] + U @ annotation) for annotation in h])
        alpha = np.exp(e) / np.exp(e).sum()
        c = sum(share * annotation for share, annotation in zip(alpha, h, strict=True))
        (s,), state = equations.read(decoder.stack, cell, np.concatenate((y, c))[None], state)
        t = equations.maxout(decoder.maxout, np.concatenate((s, y, c)))
        logits.append(equations.affine(decoder.output, t))
        weights.append(alpha)
    return np.array(logits), np.array(weights)


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_and_looks_as_the_equations_say(kind: str) -> None:
    model = network(**KINDS[kind])
    attending.check_equations(model, written_out)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_it_has_as_many_weights_as_the_formula_says(bidirectional: bool) -> None:
    changes: dict[str, object] = {"cell": "gru_cho", "layers": 1, "bidirectional": bidirectional}
    model = network(**changes, hidden=7, embedding=3, maxout=5)
    H, E, M, V, directions = 7, 3, 5, 8, 1 + bidirectional
    D = directions * H
    encoder = V * E + directions * 3 * (H * E + H * H + H) + bidirectional * (H * H + H)
    alignment = H * H + H * D + H
    decoder = V * E + 3 * (H * (E + D) + H * H + H) + 2 * M * (H + E + D + 1) + V * (M + 1)
    assert parameter_count(model) == encoder + alignment + decoder


def test_it_starts_by_looking_everywhere_alike() -> None:
    model = network(initialization="orthogonal", hidden=50)
    encoder, decoder = parts(model)
    assert not decoder.score_vector.any()
    for layer in (encoder.score_keys, decoder.score_query):
        assert layer.weight.std().item() == pytest.approx(0.001, rel=0.1)
    state = model.encoder(attending.packed([[3, 4, 5, 6]]))
    weights = decoder.attention(torch.tensor([[EOS]]), state)
    torch.testing.assert_close(weights, torch.full((1, 1, 4), 0.25))
