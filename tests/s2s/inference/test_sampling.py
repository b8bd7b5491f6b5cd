"""Sampled translations follow the model's probabilities within the limits."""

import math
from collections import Counter
from dataclasses import replace

import pytest
import torch

from s2s.inference.sampling import Sampling, sample, weights
from s2s.inference.search import Hypothesis, SearchSettings, beam_search
from s2s.text.vocabulary import PAD, UNK
from tests.support import tiny

SOURCES = [[3, 4, 5], [], [6]]
MANY = SearchSettings(4000, 4000, max_tokens=2)


def test_translations_come_as_often_as_they_are_probable() -> None:
    model = tiny.network(init_uniform=1.0)
    with torch.no_grad():
        model.decoder.output.bias[PAD] = -1e4  # padding is never drawn, so its probability must be 0
    (drawn,) = sample([model], SOURCES[:1], MANY, Sampling())
    counts = Counter(hypothesis.ids for hypothesis in drawn)
    probabilities = {hypothesis.ids: math.exp(hypothesis.log_prob) for hypothesis in drawn if hypothesis.complete}
    assert len(probabilities) > 5
    for ids, probability in probabilities.items():  # 3.5 standard deviations
        assert abs(counts[ids] / 4000 - probability) < 3.5 * math.sqrt(probability / 4000)


def test_a_low_temperature_is_greedy_search() -> None:
    models, settings = [tiny.network(seed, init_uniform=1.0) for seed in (1, 2)], SearchSettings(1)
    drawn = sample(models, SOURCES, settings, Sampling(temperature=1e-4))
    searched = beam_search(models, SOURCES, settings)
    assert [hypothesis.ids for (hypothesis,) in drawn] == [hypothesis.ids for (hypothesis,) in searched]
    assert [hypothesis.log_prob for (hypothesis,) in drawn] == pytest.approx(
        [hypothesis.log_prob for (hypothesis,) in searched], abs=1e-5
    )


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [0.1, 0.4, 0.2, 0.3]),
        (Sampling(top_k=2), [0, 4 / 7, 0, 3 / 7]),
        (Sampling(top_p=0.4), [0, 1, 0, 0]),
        (Sampling(top_p=0.41), [0, 4 / 7, 0, 3 / 7]),
        (Sampling(top_p=1e-9), [0, 1, 0, 0]),
        (Sampling(temperature=0.5), [0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3]),
        (Sampling(top_k=3, top_p=0.5), [0, 4 / 7, 0, 3 / 7]),
    ],
    ids=str,
)
def test_tokens_are_drawn_from_the_likeliest(sampling: Sampling, expected: list[float]) -> None:
    hypotheses = weights(torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log(), sampling)
    assert (hypotheses / hypotheses.sum()).tolist()[0] == pytest.approx(expected, abs=1e-6)


def test_limits_hold_and_padding_is_never_drawn() -> None:
    model = tiny.network(init_uniform=0.1)
    settings = replace(MANY, n_best=200, min_tokens=1, forbid_unknown=True)
    drawn = [
        hypothesis for hypotheses in sample([model], [[3], [4]], settings, Sampling()) for hypothesis in hypotheses
    ]
    assert {len(hypothesis.ids) for hypothesis in drawn} == {1, 2}
    assert not any({PAD, UNK} & set(hypothesis.ids) for hypothesis in drawn)


def test_the_seed_decides_and_an_empty_source_has_the_empty_translation() -> None:
    model, settings = tiny.network(init_uniform=0.1), SearchSettings(5, 5)
    hypotheses = [sample([model], SOURCES, settings, Sampling(seed=seed)) for seed in (1, 1, 2)]
    assert hypotheses[0] == hypotheses[1] != hypotheses[2]
    assert hypotheses[0][1] == [Hypothesis((), 0.0)]
    assert [hypothesis.score for hypothesis in hypotheses[0][0]] == sorted(
        (hypothesis.score for hypothesis in hypotheses[0][0]), reverse=True
    )
