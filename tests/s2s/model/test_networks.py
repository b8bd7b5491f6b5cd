"""Properties of every kind of network: an encoder makes a state, and a decoder advances it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from s2s.data.batches import make_batch
from s2s.inference import vectors
from s2s.inference.ensemble import Stepper
from s2s.inference.forcing import score_pairs
from s2s.inference.search import SearchSettings, beam_search
from s2s.model.loss import linear_cross_entropy
from s2s.model.scoring import sentence_log_probs
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import EOS
from tests.support import tiny

KINDS: dict[str, dict[str, object]] = {
    "lstm": {},
    "lstm_peephole": {"cell": "lstm_peephole"},
    "gru": {"cell": "gru"},
    "gru_cho": {"cell": "gru_cho"},
    "rnn_tanh": {"cell": "rnn_tanh"},
    "rnn_relu": {"cell": "rnn_relu", "init_uniform": 0.3},
    "bidirectional lstm": {"bidirectional": True},
    "bidirectional gru": {"cell": "gru", "bidirectional": True},
    "deep lstm": {"layers": 6, "residual": True, "layer_norm": True},
    "deep gru_cho": {"cell": "gru_cho", "layers": 3, "residual": True, "layer_norm": True},
    "bahdanau gru_cho": {"context": "bahdanau", "cell": "gru_cho", "bidirectional": True, "layers": 1, "maxout": 3},
    "bahdanau lstm": {"context": "bahdanau", "residual": True, "layer_norm": True, "maxout": 3},
    "bahdanau bidirectional lstm": {"context": "bahdanau", "bidirectional": True, "maxout": 3},
    "luong_dot": {"context": "luong_dot"},
    "luong_dot bidirectional": {"context": "luong_dot", "bidirectional": True, "cell": "gru"},
    "luong_general": {"context": "luong_general", "bidirectional": True},
    "residual of one layer": {"layers": 1, "residual": True, "embedding": 5},
    "transformer": {"network": "transformer", "hidden": 8, "embedding": 8, "heads": 2, "feed_forward": 12},
    "cho": {"cell": "gru_cho", "context": "every_step", "layers": 1, "maxout": 3},
    "cho of lstm layers": {"context": "every_step", "maxout": 3},
    "bidirectional cho": {"cell": "gru", "context": "every_step", "bidirectional": True, "residual": True, "maxout": 3},
}
SOURCES = [[3, 4, 5, 6, 7], [6], [7, 3], [4, 4, 4], [5, 6]]
EACH = pytest.mark.parametrize("kind", KINDS)


def network(kind: str, **changes: object) -> Seq2Seq:
    """Make a small network of some kind, with random weights."""
    return tiny.network(1, **KINDS[kind] | changes)


@EACH
def test_a_step_is_what_teacher_forcing_says(kind: str) -> None:
    model = network(kind)
    with torch.inference_mode():
        stepper = Stepper(model)
        own = pair_state = stepper.start(SOURCES)
        for tokens in ([EOS] * 5, [3, 4, 5, 6, 7], [6, 6, 7, 3, 3], [4, 4, 4, 4, 4]):
            log_probs, own = stepper.step(torch.tensor(tokens), own)
            logits, pair_state = tiny.step(model, torch.tensor(tokens), pair_state)
            torch.testing.assert_close(log_probs, logits.log_softmax(dim=1), atol=2e-6, rtol=0)


@EACH
def test_hypotheses_that_share_a_source_are_what_each_is_alone(kind: str) -> None:
    stepper, sentences, tokens = Stepper(network(kind)), torch.tensor([3, 0]), torch.tensor([[4, 5, 6], [7, 3, 3]])
    with torch.inference_mode():
        _, state = stepper.step(torch.full((5,), EOS), stepper.start(SOURCES))
        together = state.take(sentences.repeat_interleave(3), sentences)
        for last_tokens in (tokens, tokens.flip(0)):
            outputs, together = stepper.step(last_tokens.flatten(), together)
        for row, owner in enumerate(torch.split(sentences.repeat_interleave(3), 1)):
            alone = state.take(owner, owner)
            for last_tokens in (tokens, tokens.flip(0)):
                expected, alone = stepper.step(last_tokens.flatten()[row : row + 1], alone)
            torch.testing.assert_close(outputs[row], expected[0], atol=2e-6, rtol=0)


@EACH
def test_a_whole_target_at_once_is_said_as_token_by_token(kind: str, tmp_path: Path) -> None:
    model, corpus = network(kind), tiny.digits(tmp_path, "train", 7, seed=3)
    batch = make_batch(corpus, range(7), reverse_source=True)
    state, steps = model.encoder(batch.sources), []
    for tokens in batch.target_inputs:
        logits, state = tiny.step(model, tokens, state)
        steps.append(logits)
    torch.testing.assert_close(torch.stack(steps)[batch.is_text], model(batch), atol=2e-6, rtol=1e-5)


@EACH
@pytest.mark.parametrize("most_runs", [0, 10])
def test_a_sentence_is_read_alike_in_any_company(kind: str, most_runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s2s.model.stack.RUNS", most_runs)
    model = network(kind)
    together = vectors.embed(model, SOURCES)
    steppers = Stepper(model)
    with torch.inference_mode():
        tokens = torch.full((5,), EOS)
        outputs, _ = steppers.step(tokens, steppers.start(SOURCES))
        for row, source in enumerate(SOURCES):
            alone, _ = steppers.step(tokens[:1], steppers.start([source]))
            torch.testing.assert_close(outputs[row], alone[0], atol=2e-6, rtol=0)
            np.testing.assert_allclose(together[row], vectors.embed(model, [source])[0], atol=1e-6)


@EACH
def test_every_weight_learns(kind: str, tmp_path: Path) -> None:
    model, corpus = network(kind).train(), tiny.digits(tmp_path, "train", 7, seed=3)
    for states, right_tokens in model.segments(make_batch(corpus, range(7), reverse_source=True)):
        torch.autograd.backward(linear_cross_entropy(states, model.decoder.output, right_tokens)[0])
    idle = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not idle


@EACH
def test_scores_agree_however_they_are_computed(kind: str, tmp_path: Path) -> None:
    model, corpus = network(kind), tiny.digits(tmp_path, "dev", 30, seed=1)
    sources = [corpus.source[pair].tolist() for pair in range(30)]
    targets = [corpus.target[pair].tolist()[:-1] for pair in range(30)]
    forced = [token_scores.sum() for token_scores in score_pairs([model], sources, targets, 40)]
    np.testing.assert_allclose(forced, sentence_log_probs(model, corpus, 100), atol=1e-4)
    (best, *_), *_ = beam_search([model], sources[:1], SearchSettings(beam=3, n_best=3))
    if best.complete:
        (again,) = score_pairs([model], sources[:1], [list(best.ids)], 40)
        assert again.sum() == pytest.approx(best.log_prob, abs=1e-4)


@EACH
def test_a_sentence_is_translated_alike_in_any_company(kind: str) -> None:
    model, settings = network(kind, init_uniform=1.0), SearchSettings(beam=3, n_best=2, max_tokens=8)
    together = beam_search([model], SOURCES, settings)
    for source, in_company in zip(SOURCES, together, strict=True):
        (alone,) = beam_search([model], [source], settings)
        assert [hypothesis.ids for hypothesis in alone] == [hypothesis.ids for hypothesis in in_company]
        assert [hypothesis.log_prob for hypothesis in alone] == pytest.approx(
            [hypothesis.log_prob for hypothesis in in_company], abs=1e-4
        )


def test_unlike_networks_translate_together() -> None:
    models = [network(kind) for kind in KINDS]
    (hypotheses, *_) = beam_search(models, SOURCES, SearchSettings(beam=4, n_best=4))
    for hypothesis in hypotheses:
        if hypothesis.complete:
            (forced,) = score_pairs(models, SOURCES[:1], [list(hypothesis.ids)], 100)
            assert forced.sum() == pytest.approx(hypothesis.log_prob, abs=1e-4)
