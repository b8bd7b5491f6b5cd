"""The model, compared with the LSTM's equations and with the paper's numbers of parameters."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from s2s.data.batches import Batch, make_batch, pack_sources
from s2s.model.loss import linear_cross_entropy, token_log_losses
from s2s.model.seq2seq import Seq2Seq, parameter_count
from s2s.model.stack import Fused
from s2s.text.vocabulary import PAD
from tests.support import tiny

Array = NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def written_out(lstm: torch.nn.LSTM, inputs: Array, h: Array, c: Array) -> tuple[Array, Array, Array]:
    """Compute stacked LSTM layers of one sentence: inputs [T, E], h and c [L, H] to the top outputs [T, H], h and c."""
    outputs, h, c = inputs, h.copy(), c.copy()
    for layer in range(lstm.num_layers):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_x, w_h, b_x, b_h = (getattr(lstm, f"{name}_l{layer}").detach().double().numpy() for name in names)
        rows = []
        for x in outputs:
            i, f, g, o = np.split(w_x @ x + b_x + w_h @ h[layer] + b_h, 4)
            c[layer] = sigmoid(f) * c[layer] + sigmoid(i) * np.tanh(g)
            h[layer] = sigmoid(o) * np.tanh(c[layer])
            rows.append(h[layer].copy())
        outputs = np.array(rows)
    return outputs, h, c


def test_the_model_is_the_lstm_equations_written_out(tmp_path: Path) -> None:
    model, corpus = tiny.network(), tiny.digits(tmp_path, "train", 6, seed=2)
    batch = make_batch(corpus, range(6), reverse_source=True)
    logits, owner = model(batch), batch.is_text.nonzero()[:, 1]  # [target_tokens, V], and the pair of each
    source_vectors, target_vectors = (
        embedding.weight.detach().double().numpy() for embedding in (model.encoder.embedding, model.decoder.embedding)
    )
    output = model.decoder.output
    for pair in range(6):
        source, target = corpus.source[pair].tolist()[::-1], corpus.target[pair].tolist()
        zeros = np.zeros((2, 5))
        _, h, c = written_out(tiny.lstm(model.encoder), source_vectors[source], zeros, zeros)
        states, _, _ = written_out(tiny.lstm(model.decoder), target_vectors[[2, *target[:-1]]], h, c)
        expected = states @ output.weight.detach().double().numpy().T + output.bias.detach().double().numpy()
        np.testing.assert_allclose(logits[owner == pair].detach().numpy(), expected, atol=1e-6)


def test_the_papers_model_has_its_384_million_parameters() -> None:
    shape = tiny.architecture(
        layers=4, hidden=1000, embedding=1000, source_vocabulary=160_000, target_vocabulary=80_000
    )
    with torch.device("meta"):
        model = Seq2Seq(shape)
    recurrent = parameter_count(tiny.lstm(model.encoder)) + parameter_count(tiny.lstm(model.decoder))
    biases = 2 * 4 * 2 * 4 * 1000
    assert recurrent - biases == 64_000_000
    assert parameter_count(model) - biases - 80_000 == 384_000_000


def test_every_weight_starts_uniform_within_the_bound() -> None:
    model = tiny.network(init_uniform=0.08, hidden=64)
    for name, parameter in model.named_parameters():
        assert parameter.abs().max() <= 0.08, name
    weights = torch.cat([parameter.flatten() for parameter in model.parameters()])
    assert weights.std().item() == pytest.approx(0.08 / 3**0.5, rel=0.02)


def test_one_step_at_a_time_gives_the_logits_of_teacher_forcing(tmp_path: Path) -> None:
    model, corpus = tiny.network(), tiny.digits(tmp_path, "train", 5, seed=3)
    batch = make_batch(corpus, range(5), reverse_source=True)
    state, steps = model.encoder(batch.sources), []
    for tokens in batch.target_inputs:
        logits, state = tiny.step(model, tokens, state)
        steps.append(logits)
    torch.testing.assert_close(torch.stack(steps)[batch.is_text], model(batch))


def test_a_sentence_has_the_same_state_in_any_company() -> None:
    model = tiny.network()
    sentences = [torch.tensor([3, 4, 5, 6]), torch.tensor([7]), torch.tensor([5, 5])]
    together, _ = model.encoder(pack_sources(sentences, reverse=True)).own
    for column, sentence in enumerate(sentences):
        alone, _ = model.encoder(pack_sources([sentence], reverse=True)).own
        torch.testing.assert_close(together[:, column : column + 1], alone)


@pytest.mark.parametrize("lengths", [[4, 4, 4], [2, 5, 5, 1, 2], [3, 1], [0, 2]])
@pytest.mark.parametrize("most_runs", [0, 10])
def test_sentences_of_any_lengths_have_the_state_and_gradient_of_the_equations(
    monkeypatch: pytest.MonkeyPatch, lengths: list[int], most_runs: int
) -> None:
    monkeypatch.setattr("s2s.model.stack.RUNS", most_runs)
    encoder = tiny.network().encoder
    sources = pack_sources([torch.arange(length) % 5 + 3 for length in lengths], reverse=False)
    h, c = encoder(sources).own
    expected = tiny.lstm(encoder)(sources._replace(data=encoder.embedding(sources.data)))[1]
    torch.testing.assert_close((h, c), expected)
    weights = list(encoder.parameters())
    gradients = torch.autograd.grad((h * c).sum(), weights)
    torch.testing.assert_close(gradients, torch.autograd.grad((expected[0] * expected[1]).sum(), weights))


def joined(model: Seq2Seq, batch: Batch, bptt_tokens: int) -> tuple[list[int], torch.Tensor, torch.Tensor]:
    """Run all segments backward, and return their sizes, their losses in a row and their right tokens."""
    losses, tokens = [], []
    for states, right_tokens in model.segments(batch, bptt_tokens):
        loss, _ = linear_cross_entropy(states, model.decoder.output, right_tokens)
        torch.autograd.backward(loss)
        losses.append(token_log_losses(states, model.decoder.output, right_tokens))
        tokens.append(right_tokens)
    return [len(part) for part in losses], torch.cat(losses), torch.cat(tokens)


@pytest.mark.parametrize("bptt_tokens", [0, 1, 2, 3, 100])
def test_segments_joined_have_the_losses_of_the_whole(tmp_path: Path, bptt_tokens: int) -> None:
    model, corpus = tiny.network(), tiny.digits(tmp_path, "train", 7, seed=3)
    batch = make_batch(corpus, range(7), reverse_source=True)
    sizes, losses, tokens = joined(model, batch, bptt_tokens)
    steps = range(0, len(batch.targets), bptt_tokens or len(batch.targets))
    assert sizes == [int(batch.is_text[step : step + (bptt_tokens or 100)].sum()) for step in steps]
    assert torch.equal(tokens, batch.right_tokens)
    expected = nn.functional.cross_entropy(model(batch), batch.right_tokens, reduction="none")
    torch.testing.assert_close(losses, expected)


def test_the_encoder_learns_from_the_first_segment_alone(tmp_path: Path) -> None:
    model, corpus = tiny.network(), tiny.digits(tmp_path, "train", 7, seed=3)
    gradients = []
    for states, right_tokens in model.segments(make_batch(corpus, range(7), reverse_source=True), 2):
        torch.autograd.backward(linear_cross_entropy(states, model.decoder.output, right_tokens)[0])
        weight = model.encoder.embedding.weight.grad
        assert weight is not None
        gradients.append(weight.clone())
    assert gradients[0].any()
    assert len(gradients) == 4
    assert all(torch.equal(gradients[0], later) for later in gradients[1:])


def test_gradient_flows_within_a_segment_alone(tmp_path: Path) -> None:
    model, corpus = tiny.network(), tiny.digits(tmp_path, "train", 7, seed=3)
    batch = make_batch(corpus, range(7), reverse_source=True)
    joined(model, batch, 2)
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    state = model.encoder(batch.sources)
    for start in range(0, len(batch.targets), 2):  # the same segments, token by token
        loss = torch.zeros(())
        for step in range(start, min(start + 2, len(batch.targets))):
            logits, state = tiny.step(model, batch.target_inputs[step], state)
            loss = loss + nn.functional.cross_entropy(logits, batch.targets[step], ignore_index=PAD, reduction="sum")
        torch.autograd.backward(loss)
        state = state.each(torch.Tensor.detach)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, msg=name)


@pytest.mark.parametrize("packed", [False, True])
def test_under_autocast_the_lstm_computes_in_its_type_and_its_weights_keep_theirs(packed: bool) -> None:
    layers = Fused(nn.LSTM(4, 5, 2))
    like = copy.deepcopy(layers).to(torch.float16)
    sentences = [torch.randn(length, 4) for length in (2, 4, 3)]
    inputs = pack_sequence(sentences, enforce_sorted=False) if packed else torch.stack([sentences[0]] * 3, dim=1)
    state = torch.rand(2, 3, 5), torch.rand(2, 3, 5)
    with torch.autocast("cpu", torch.float16):
        _, (h, c) = layers(inputs, state)
    _, wanted = like(inputs.to(torch.float16), (state[0].to(torch.float16), state[1].to(torch.float16)))
    torch.testing.assert_close((h, c), wanted, rtol=0, atol=0)
    torch.autograd.backward((h.sum(), c.sum()))
    assert all(weight.grad is not None and weight.grad.dtype == torch.float32 for weight in layers.parameters())
    assert layers(inputs, state)[1][0].dtype == torch.float32


def test_dropout_is_off_in_evaluation_and_on_in_training(tmp_path: Path) -> None:
    model = tiny.network(dropout=0.5)
    batch = make_batch(tiny.digits(tmp_path, "train", 5, seed=3), range(5), reverse_source=True)
    assert torch.equal(model(batch), model(batch))
    model.train()
    assert not torch.equal(model(batch), model(batch))
