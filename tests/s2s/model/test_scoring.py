"""Log-probabilities of given translations, compared with those of search and with the loss."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from s2s.data.batches import make_batch
from s2s.data.buckets import bucket
from s2s.data.corpus import EncodedCorpus, write_split
from s2s.inference.search import SearchSettings, beam_search
from s2s.model.scoring import Evaluation, perplexity, sentence_log_probs
from s2s.text.vocabulary import EOS
from tests.support import tiny


def test_the_score_of_a_translation_is_what_search_said(tmp_path: Path) -> None:
    model, sources = tiny.network(init_uniform=1.0), [[3, 4], [5], [6, 7, 3, 3]]
    with torch.no_grad():
        model.decoder.output.bias[EOS] += 3  # otherwise some would not end
    hypotheses = [best for (best,) in beam_search([model], sources, SearchSettings(4))]
    assert all(hypothesis.complete for hypothesis in hypotheses)
    write_split(tmp_path, "test", sources, [[*hypothesis.ids, EOS] for hypothesis in hypotheses])
    scores = sentence_log_probs(model, EncodedCorpus.open(tmp_path, "test"), 1000)
    np.testing.assert_allclose(scores, [hypothesis.log_prob for hypothesis in hypotheses], atol=1e-4)


def test_perplexity_is_the_exponential_of_the_mean_loss(tmp_path: Path) -> None:
    model, corpus = tiny.network(), tiny.digits(tmp_path, "dev", 20, seed=1)
    batch = make_batch(corpus, range(20), reverse_source=True)
    loss = nn.functional.cross_entropy(model(batch), batch.right_tokens, reduction="sum").item()
    evaluation = perplexity(model, corpus, batch_tokens=30)
    assert evaluation.tokens == batch.target_tokens
    assert evaluation.perplexity == pytest.approx(math.exp(loss / batch.target_tokens), rel=1e-6)


def test_an_absurd_model_has_a_large_perplexity_and_no_overflow() -> None:
    assert Evaluation(log_prob=-1e6, tokens=10).perplexity == pytest.approx(math.exp(700))


def test_evaluation_leaves_the_mode_of_the_model(tmp_path: Path) -> None:
    model, corpus = tiny.network(dropout=0.5).train(), tiny.digits(tmp_path, "dev", 20, seed=1)
    assert perplexity(model, corpus, 100) == perplexity(model, corpus, 100)
    assert model.training


def test_processes_share_the_batches_of_a_corpus(tmp_path: Path) -> None:
    model, corpus = tiny.network(), tiny.digits(tmp_path, "dev", 50, seed=1)
    shares = np.stack([sentence_log_probs(model, corpus, 30, rank, ranks=3) for rank in range(3)])
    assert ((shares != 0).sum(axis=0) == 1).all()  # each sentence is scored by exactly one process
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
