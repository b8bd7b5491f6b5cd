"""Multiplicative attention: its equations and the shapes of its parameters."""

import numpy as np
import pytest
from torch import nn

from s2s.model.luong import LuongDecoder, LuongEncoder
from s2s.model.seq2seq import Seq2Seq, parameter_count
from tests.support import attending, equations, tiny
from tests.support.equations import Array, array

SCORES = pytest.mark.parametrize("score", ["luong_dot", "luong_general"])
KINDS: dict[str, dict[str, object]] = {
    "the paper's": {"cell": "lstm", "layers": 4},
    "two directions": {"cell": "gru", "bidirectional": True},
    "deep": {"cell": "gru_cho", "layers": 3, "residual": True, "layer_norm": True},
}


def written_out(model: Seq2Seq, source: list[int], target_inputs: list[int]) -> tuple[Array, Array]:
    """Compute the logits, [T, V], and weights, [T, S], of one sentence (Luong et al. 2015, section 3.1)."""
    encoder, decoder = model.encoder, model.decoder
    assert isinstance(encoder, LuongEncoder) and isinstance(decoder, LuongDecoder)
    annotations, state = equations.encode(encoder, model.architecture.cell, source)
    if isinstance(encoder.narrow, nn.Linear):
        annotations = np.array([array(encoder.narrow.weight) @ annotation for annotation in annotations])
    inputs = array(decoder.embedding.weight)[target_inputs]
    states, _ = equations.read(decoder.stack, model.architecture.cell, inputs, state)
    logits, weights = [], []
    for h in states:
        query = array(decoder.score_query.weight) @ h if isinstance(decoder.score_query, nn.Linear) else h
        scores = np.array([query @ annotation for annotation in annotations])
        a = np.exp(scores) / np.exp(scores).sum()
        c = sum(share * annotation for share, annotation in zip(a, annotations, strict=True))
        attentional = np.tanh(array(decoder.combine.weight) @ np.concatenate((c, h)))
        logits.append(equations.affine(decoder.output, attentional))
        weights.append(a)
    return np.array(logits), np.array(weights)


@SCORES
@pytest.mark.parametrize("kind", KINDS)
def test_it_says_and_looks_as_the_equations_say(score: str, kind: str) -> None:
    attending.check_equations(tiny.network(1, context=score, **KINDS[kind]), written_out)


@SCORES
@pytest.mark.parametrize("bidirectional", [False, True])
def test_it_has_more_weights_than_without_attention_by_the_formula(score: str, bidirectional: bool) -> None:
    changes: dict[str, object] = {"hidden": 7, "bidirectional": bidirectional}
    plain = parameter_count(tiny.network(1, **changes))
    H, D = 7, 7 * (1 + bidirectional)
    narrowing, general = bidirectional * H * D + H * 2 * H, H * D + H * (D + H)  # each with W_c
    added = general if score == "luong_general" else narrowing
    assert parameter_count(tiny.network(1, context=score, **changes)) == plain + added
