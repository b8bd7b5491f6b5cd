"""Scores of given translations, compared with scores computed token by token and with sentence scores."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from s2s.data.batches import pack_sources
from s2s.inference.forcing import SPARSE, batches, score_pairs
from s2s.model.interface import State, Step
from s2s.model.scoring import sentence_log_probs
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import EOS
from tests.support import tiny

SOURCES = [[3, 4, 5], [3, 4, 5], [3, 4, 5], [], [6], [3, 4, 5], [7] * 9]
TARGETS = [[3], [], [4, 4, 5, 6, 7, 3, 3], [5, 6], [7], [3], [4, 3]]


def written_out(models: list[Seq2Seq], source: list[int], target: list[int], mean: str) -> list[float]:
    """Compute the log-probability of each token step by step, from the full softmax of each model."""
    states = [model.encoder(pack_sources([torch.tensor(source, dtype=torch.int64)], reverse=True)) for model in models]
    log_probs, last = [], EOS
    for token in (*target, EOS):
        probabilities = []
        for number, model in enumerate(models):
            logits, states[number] = tiny.step(model, torch.tensor([last]), states[number])
            probabilities.append(logits.double().softmax(dim=-1)[0, token].item())
        logs = [math.log(probability) for probability in probabilities]
        log_probs.append(sum(logs) / len(logs) if mean == "log_probabilities" else math.log(np.mean(probabilities)))
        last = token
    return log_probs


@pytest.mark.parametrize("seeds", [[1], [1, 2, 3]], ids=["one model", "three models"])
@pytest.mark.parametrize("mean", ["probabilities", "log_probabilities"])
@pytest.mark.parametrize("batch_tokens", [1, 8, 1000])
@pytest.mark.parametrize("sources", [1, 3, 256])
def test_tokens_are_scored_as_if_written_out(
    seeds: list[int], mean: str, batch_tokens: int, sources: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s2s.inference.forcing.SOURCES", sources)
    models = [tiny.network(seed, init_uniform=1.0) for seed in seeds]
    lists = score_pairs(models, SOURCES, TARGETS, batch_tokens, mean)
    assert len(lists) == len(TARGETS)
    for scores, source, target in zip(lists, SOURCES, TARGETS, strict=True):
        np.testing.assert_allclose(scores, written_out(models, source, target, mean), atol=1e-5)


def test_the_tokens_of_a_sentence_sum_to_its_log_probability(tmp_path: Path) -> None:
    model, corpus = tiny.network().train(), tiny.digits(tmp_path, "dev", 50, seed=1)
    sources = [corpus.source[pair].tolist() for pair in range(50)]
    scores = score_pairs([model], sources, [corpus.target[pair].tolist()[:-1] for pair in range(50)], 40)
    np.testing.assert_allclose([values.sum() for values in scores], sentence_log_probs(model, corpus, 100), atol=1e-5)
    assert model.training


def test_a_source_is_encoded_once_however_many_targets_follow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    model = tiny.network()
    model.encoder.register_forward_hook(lambda _, inputs, __: read.append(len(inputs[0].batch_sizes)))
    score_pairs([model], [[3, 4]] * 500 + [[5]] * 500, [[3]] * 1000, 100)
    assert read == [2]


def test_what_targets_begin_with_alike_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    model = tiny.network()
    stepper = model.decoder.stepper

    def counted() -> Step:
        step = stepper()

        def values(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            rows.append(len(tokens))
            return step(tokens, state)

        return values

    monkeypatch.setattr(model.decoder, "stepper", counted)
    targets = [[3, 4, 6], [3, 4, 5], [7], [3, 4, 5, 5], [3, 4, 5], []]
    score_pairs([model], [[3]] * 6 + [[4]], [*targets, [3, 4]], 100)
    assert rows == [2, 3, 2, 2, 1]  # the target of the other source shares no prefix


def test_batches_are_bounded_whatever_the_targets() -> None:
    draw = np.random.default_rng(1)
    targets = [draw.integers(3, 6, size).tolist() for size in (*draw.integers(0, 12, 500), 900, 200)]
    owners = np.sort(draw.integers(0, 20, len(targets)))
    scores = list(batches(owners, targets, 50))
    assert sorted(place for batch in scores for place in batch.places) == list(range(len(targets)))
    assert len(scores) < 100
    for batch in scores:
        prefixes = {
            (owner, *targets[place][:size])
            for owner, place in zip(batch.owners.tolist(), batch.places, strict=True)
            for size in range(len(targets[place]) + 1)
        }
        assert (batch.lengths - batch.shared - 1).sum() == len(prefixes)
        assert len(prefixes) <= 50 or len(batch.places) == 1
        assert batch.targets.size <= SPARSE * 50 or len(batch.places) == 1


def test_no_pairs_have_no_scores() -> None:
    assert score_pairs([tiny.network()], [], [], 100) == []
