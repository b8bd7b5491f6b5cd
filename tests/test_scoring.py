"""Scores of given translations agree with search, with the loss, and with the encoder."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from s2s.corpus_writer import write_split
from s2s.data import EncodedCorpus, bucket, make_batch, pack_sources
from s2s.model import Seq2Seq
from s2s.scoring import Evaluation, embed, perplexity, score_pairs, sentence_log_probs
from s2s.search import SearchSettings, beam_search
from s2s.vocabulary import EOS
from tests import tiny


def test_the_score_of_a_translation_is_what_search_said(tmp_path: Path) -> None:
    model, sources = tiny.network(init_uniform=1.0), [[3, 4], [5], [6, 7, 3, 3]]
    with torch.no_grad():
        model.decoder.output.bias[EOS] += 3  # else some would not end
    found = [best for (best,) in beam_search([model], sources, SearchSettings(4))]
    assert all(hypothesis.complete for hypothesis in found)
    write_split(tmp_path, "test", sources, [[*hypothesis.ids, EOS] for hypothesis in found])
    scores = sentence_log_probs(model, EncodedCorpus.open(tmp_path, "test"), 1000)
    np.testing.assert_allclose(scores, [hypothesis.log_prob for hypothesis in found], atol=1e-4)


def test_perplexity_is_the_exponential_of_the_mean_loss(tmp_path: Path) -> None:
    model, corpus = tiny.network(), tiny.digits(tmp_path, "dev", 20, seed=1)
    batch = make_batch(corpus, range(20), reverse_source=True)
    loss = nn.functional.cross_entropy(model(batch), batch.right_tokens, reduction="sum").item()
    found = perplexity(model, corpus, batch_tokens=30)
    assert found.tokens == batch.target_tokens
    assert found.perplexity == pytest.approx(math.exp(loss / batch.target_tokens), rel=1e-6)


def test_an_absurd_model_has_a_large_perplexity_and_no_overflow() -> None:
    assert Evaluation(log_prob=-1e6, tokens=10).perplexity == pytest.approx(math.exp(700))


def test_evaluation_leaves_the_mode_of_the_model(tmp_path: Path) -> None:
    model, corpus = tiny.network(dropout=0.5).train(), tiny.digits(tmp_path, "dev", 20, seed=1)
    assert perplexity(model, corpus, 100) == perplexity(model, corpus, 100)
    assert model.training


def test_processes_share_the_batches_of_a_corpus(tmp_path: Path) -> None:
    model, corpus = tiny.network(), tiny.digits(tmp_path, "dev", 50, seed=1)
    shares = np.stack([sentence_log_probs(model, corpus, 30, rank, ranks=3) for rank in range(3)])
    assert ((shares != 0).sum(axis=0) == 1).all()  # each sentence is scored by one
    assert ((shares != 0).sum(axis=1) > 0).all()
    np.testing.assert_array_equal(shares.sum(axis=0), sentence_log_probs(model, corpus, 30))


def test_an_evaluation_can_be_stopped_after_any_batch(tmp_path: Path) -> None:
    model, corpus = tiny.network().train(), tiny.digits(tmp_path, "dev", 50, seed=1)
    called: list[int] = []

    def stop() -> None:
        called.append(len(called))
        if len(called) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sentence_log_probs(model, corpus, 30, between=stop)
    assert called == [0, 1]
    assert model.training
    sentence_log_probs(model, corpus, 30, between=lambda: called.append(len(called)))
    assert len(called) == 2 + len(bucket(corpus, 256, 30))


def test_an_embedding_is_the_top_layers_last_h() -> None:
    model, sentences = tiny.network(), [[3, 4, 5], [6]] * 40
    h, _ = model.encoder(pack_sources([torch.tensor([3, 4, 5])], reverse=True))
    found = embed(model, sentences)
    assert found.shape == (80, 5)
    np.testing.assert_allclose(found[::2], np.tile(h[-1].detach().numpy(), (40, 1)), atol=1e-6)


SOURCES = [[3, 4, 5], [3, 4, 5], [3, 4, 5], [], [6], [3, 4, 5], [7] * 9]
TARGETS = [[3], [], [4, 4, 5, 6, 7, 3, 3], [5, 6], [7], [3], [4, 3]]


def written_out(models: list[Seq2Seq], source: list[int], target: list[int], mean: str) -> list[float]:
    """The log-probability of each token, step by step, from the whole softmax of each model."""
    states = [model.encoder(pack_sources([torch.tensor(source, dtype=torch.int64)], reverse=True)) for model in models]
    found, last = [], EOS
    for token in (*target, EOS):
        probabilities = []
        for number, model in enumerate(models):
            logits, states[number] = model.decoder.step(torch.tensor([last]), states[number])
            probabilities.append(logits.double().softmax(dim=-1)[0, token].item())
        logs = [math.log(one) for one in probabilities]
        found.append(sum(logs) / len(logs) if mean == "log_probabilities" else math.log(np.mean(probabilities)))
        last = token
    return found


@pytest.mark.parametrize("seeds", [[1], [1, 2, 3]], ids=["one model", "three models"])
@pytest.mark.parametrize("mean", ["probabilities", "log_probabilities"])
@pytest.mark.parametrize("batch_tokens", [1, 8, 1000])
@pytest.mark.parametrize("sources", [1, 3, 256])
def test_tokens_are_scored_as_if_written_out(
    seeds: list[int], mean: str, batch_tokens: int, sources: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s2s.scoring.SOURCES", sources)
    models = [tiny.network(seed, init_uniform=1.0) for seed in seeds]
    found = score_pairs(models, SOURCES, TARGETS, batch_tokens, mean)
    assert len(found) == len(TARGETS)
    for scores, source, target in zip(found, SOURCES, TARGETS, strict=True):
        np.testing.assert_allclose(scores, written_out(models, source, target, mean), atol=1e-5)


def test_the_tokens_of_a_sentence_sum_to_its_log_probability(tmp_path: Path) -> None:
    model, corpus = tiny.network().train(), tiny.digits(tmp_path, "dev", 50, seed=1)
    sources = [corpus.source[pair].tolist() for pair in range(50)]
    found = score_pairs([model], sources, [corpus.target[pair].tolist()[:-1] for pair in range(50)], 40)
    np.testing.assert_allclose([one.sum() for one in found], sentence_log_probs(model, corpus, 100), atol=1e-5)
    assert model.training


def test_a_source_is_encoded_once_however_many_targets_follow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    model = tiny.network()
    model.encoder.register_forward_hook(lambda _, inputs, __: read.append(len(inputs[0].batch_sizes)))
    score_pairs([model], [[3, 4]] * 500 + [[5]] * 500, [[3]] * 1000, 100)
    assert read == [2]


def test_no_pairs_have_no_scores() -> None:
    assert score_pairs([tiny.network()], [], [], 100) == []
