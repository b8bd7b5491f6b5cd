"""Cho's encoder-decoder, compared with its equations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from s2s.data.batches import make_batch, pack_sources
from s2s.model.cho import ChoDecoder, ChoEncoder
from s2s.model.seq2seq import Seq2Seq, parameter_count
from s2s.text.vocabulary import EOS
from tests.support import equations, tiny
from tests.support.equations import Array, affine, array

KINDS: dict[str, dict[str, object]] = {
    "cho": {"cell": "gru_cho", "layers": 1},
    "three layers": {"cell": "gru_cho", "layers": 3, "layer_norm": True},
    "torch's gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
    "bidirectional peepholes": {"cell": "lstm_peephole", "bidirectional": True},
}


def network(**changes: object) -> Seq2Seq:
    """Make a small network with random weights."""
    return tiny.network(1, context="every_step", maxout=3, **changes)


def written_out(model: Seq2Seq, source: Sequence[int], target: Sequence[int]) -> Array:
    """Compute the logits of each target token, [T, V], for a source in the order of reading (appendix A.1)."""
    encoder, decoder, shape = model.encoder, model.decoder, model.architecture
    assert isinstance(encoder, ChoEncoder) and isinstance(decoder, ChoDecoder)
    H, L, parts = shape.hidden, shape.layers, encoder.stack.cell.states
    _, read = equations.encode(encoder, shape.cell, source)
    c = np.tanh(affine(encoder.summary, np.concatenate([part[-1] for part in read])))
    starts = affine(encoder.start, c)
    state = [starts[part * L * H : (part + 1) * L * H].reshape(L, H) for part in range(parts)]
    state[0] = np.tanh(state[0])
    words = array(decoder.embedding.weight)[[EOS, *target[:-1]]]
    h, _ = equations.read(decoder.stack, shape.cell, np.array([np.concatenate((y, c)) for y in words]), state)
    units = [equations.maxout(decoder.maxout, np.concatenate((s, y, c))) for s, y in zip(h, words, strict=True)]
    return np.array([affine(decoder.output, unit) for unit in units])


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_its_equations_written_out(kind: str, tmp_path: Path) -> None:
    model, corpus = network(**KINDS[kind]), tiny.digits(tmp_path, "train", 6, seed=2)
    batch = make_batch(corpus, range(6), reverse_source=True)
    logits, owner = array(model(batch)), batch.is_text.nonzero()[:, 1]
    for pair in range(6):
        expected = written_out(model, corpus.source[pair].tolist()[::-1], corpus.target[pair].tolist())
        np.testing.assert_allclose(logits[owner == pair], expected, atol=1e-6)


def test_chos_candidate_has_the_summary_beside_what_the_reset_gate_leaves() -> None:
    """The lowest layer agrees with the paper's own matrices, W of the word, U of h and C of the summary."""
    decoder = network(cell="gru_cho", layers=1).decoder
    assert isinstance(decoder, ChoDecoder)
    y, c, h = (np.random.default_rng(1).normal(size=size) for size in (4, 5, 5))
    of_input, of_hidden, bias = (array(weight) for weight in decoder.stack.weights()[0])
    (W_r, C_r), (W_z, C_z), (W, C) = (np.split(rows, [4], axis=1) for rows in np.split(of_input, 3))
    (U_r, U_z, U), (b_r, b_z, b) = np.split(of_hidden, 3), np.split(bias, 3)
    r = equations.sigmoid(W_r @ y + U_r @ h + C_r @ c + b_r)
    z = equations.sigmoid(W_z @ y + U_z @ h + C_z @ c + b_z)
    expected = z * h + (1 - z) * np.tanh(W @ y + U @ (r * h) + C @ c + b)
    inputs = torch.from_numpy(np.concatenate((y, c))).float()
    outputs, _ = decoder.stack(inputs.view(1, 1, -1), (torch.from_numpy(h).float().view(1, 1, -1),))
    np.testing.assert_allclose(array(outputs[0, 0]), expected, atol=1e-6)


def test_the_summary_goes_on_unchanged_and_no_word_after_it_hides_it() -> None:
    model = network()
    state = model.encoder(pack_sources([torch.tensor([3, 4, 5]), torch.tensor([7])], reverse=False))
    step, tokens = model.decoder.stepper(), torch.tensor([EOS, EOS])
    with torch.inference_mode():
        for _ in range(4):
            _, after = step(tokens, state)
            assert torch.equal(after.source[0], state.source[0])
            state = after
        outputs, _ = step(tokens, state)
        other_outputs, _ = step(tokens, state._replace(source=(state.source[0].flip(1),)))
    assert not torch.isclose(outputs, other_outputs).any()


@pytest.mark.parametrize(("cell", "gates", "biases", "parts"), [("gru_cho", 3, 1, 1), ("lstm", 4, 2, 2)])
def test_it_has_as_many_parameters_as_the_formulas_say(cell: str, gates: int, biases: int, parts: int) -> None:
    E, H, units, V_s, V_t, L = 7, 6, 3, 11, 13, 2
    upper = (L - 1) * gates * (2 * H * H + biases * H)
    encoder = V_s * E + gates * (E * H + H * H + biases * H) + upper
    joining = parts * H * H + H + parts * L * (H * H + H)
    decoder = V_t * E + gates * ((E + H) * H + H * H + biases * H) + upper
    readout = 2 * units * (H + E + H) + 2 * units + units * V_t + V_t
    model = network(cell=cell, layers=L, hidden=H, embedding=E, source_vocabulary=V_s, target_vocabulary=V_t)
    assert parameter_count(model) == encoder + joining + decoder + readout
