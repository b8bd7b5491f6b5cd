"""Drawn translations follow the model's probabilities, within the limits that are set."""

import math
from collections import Counter
from dataclasses import replace

import pytest
import torch

from s2s.sampling import Sampling, sample, weights
from s2s.search import Hypothesis, SearchSettings, beam_search
from s2s.vocabulary import PAD, UNK
from tests import tiny

SOURCES = [[3, 4, 5], [], [6]]
MANY = SearchSettings(4000, 4000, max_tokens=2)


def test_translations_come_as_often_as_they_are_probable() -> None:
    model = tiny.network(init_uniform=1.0)
    with torch.no_grad():
        model.decoder.output.bias[PAD] = -1e4  # what is never drawn leaves nothing to the others
    (drawn,) = sample([model], SOURCES[:1], MANY, Sampling())
    counts = Counter(one.ids for one in drawn)
    probabilities = {one.ids: math.exp(one.log_prob) for one in drawn if one.complete}
    assert len(probabilities) > 5
    for ids, probability in probabilities.items():  # 3.5 standard deviations
        assert abs(counts[ids] / 4000 - probability) < 3.5 * math.sqrt(probability / 4000)


def test_a_low_temperature_is_greedy_search() -> None:
    models, settings = [tiny.network(seed, init_uniform=1.0) for seed in (1, 2)], SearchSettings(1)
    drawn = sample(models, SOURCES, settings, Sampling(temperature=1e-4))
    searched = beam_search(models, SOURCES, settings)
    assert [one.ids for (one,) in drawn] == [one.ids for (one,) in searched]
    assert [one.log_prob for (one,) in drawn] == pytest.approx([one.log_prob for (one,) in searched], abs=1e-5)


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
    found = weights(torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log(), sampling)
    assert (found / found.sum()).tolist()[0] == pytest.approx(expected, abs=1e-6)


def test_limits_hold_and_padding_is_never_drawn() -> None:
    model = tiny.network(init_uniform=0.1)
    settings = replace(MANY, n_best=200, min_tokens=1, forbid_unknown=True)
    drawn = [one for found in sample([model], [[3], [4]], settings, Sampling()) for one in found]
    assert {len(one.ids) for one in drawn} == {1, 2}
    assert not any({PAD, UNK} & set(one.ids) for one in drawn)


def test_the_seed_decides_and_an_empty_source_has_the_empty_translation() -> None:
    model, settings = tiny.network(init_uniform=0.1), SearchSettings(5, 5)
    found = [sample([model], SOURCES, settings, Sampling(seed=seed)) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert found[0][1] == [Hypothesis((), 0.0)]
    assert [one.score for one in found[0][0]] == sorted((one.score for one in found[0][0]), reverse=True)
