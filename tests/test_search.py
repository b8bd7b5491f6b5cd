"""Beam search against exhaustive search, greedy search and itself in other company."""

import itertools
import math

import pytest
import torch

from s2s.data import pack_sources
from s2s.model import Seq2Seq
from s2s.search import EXTRA_LENGTH, Hypothesis, beam_search, top_extensions
from s2s.vocabulary import EOS
from tests import tiny

SOURCES = [[3, 4, 5], [6], [7, 3], [], [4, 4, 4, 4, 4]]
V = 5
LENGTH = 3  # longest translation that the exhaustive search looks at


def log_prob(models: list[Seq2Seq], source: list[int], ids: tuple[int, ...]) -> float:
    """Of the translation with its </s>, step by step, by the mean of the models' probabilities."""
    states = [model.encoder(pack_sources([torch.tensor(source)], reverse=True)) for model in models]
    total, last = 0.0, EOS
    for token in (*ids, EOS):
        probabilities = []
        for number, model in enumerate(models):
            logits, states[number] = model.decoder.step(torch.tensor([last]), states[number])
            probabilities.append(logits.double().softmax(dim=-1)[0, token].item())
        total, last = total + math.log(sum(probabilities) / len(models)), token
    return total


def exhaustive(models: list[Seq2Seq], source: list[int]) -> tuple[tuple[int, ...], float]:
    """The most probable of all translations up to LENGTH tokens."""
    tokens = [token for token in range(V) if token != EOS]
    every = [ids for length in range(LENGTH + 1) for ids in itertools.product(tokens, repeat=length)]
    scores = {ids: log_prob(models, source, ids) for ids in every}
    best = max(scores, key=scores.__getitem__)
    return best, scores[best]


def network(seed: int, eos_bias: float = 0.0) -> Seq2Seq:
    model = tiny.network(seed, target_vocabulary=V, init_uniform=1.0)
    with torch.no_grad():
        model.decoder.output.bias[EOS] += eos_bias
    return model


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("members", [1, 2])
def test_a_beam_that_prunes_nothing_finds_what_exhaustive_search_finds(
    seed: int, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s2s.search.EXTRA_LENGTH", LENGTH + 1)
    models = [network(seed * 10 + member, eos_bias=1.0) for member in range(members)]
    sources = [source for source in SOURCES if source]
    found = beam_search(models, sources, beam=(V - 1) ** LENGTH, max_length_ratio=0.0)
    for source, hypothesis in zip(sources, found, strict=True):
        ids, score = exhaustive(models, source)
        if len(hypothesis.ids) <= LENGTH:  # the search may also look one token further than the oracle
            assert hypothesis.ids == ids
        assert hypothesis.log_prob >= score - 1e-5
        assert hypothesis.log_prob == pytest.approx(log_prob(models, source, hypothesis.ids), abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    model = network(seed)
    for source, hypothesis in zip(SOURCES[:3], beam_search([model], SOURCES[:3], 1, 3.0), strict=True):
        state, last, ids = model.encoder(pack_sources([torch.tensor(source)], reverse=True)), EOS, []
        for _ in range(math.ceil(len(source) * 3.0) + EXTRA_LENGTH):
            logits, state = model.decoder.step(torch.tensor([last]), state)
            if (last := int(logits.argmax())) == EOS:
                break
            ids.append(last)
        assert hypothesis.ids == tuple(ids)
        assert hypothesis.complete == (last == EOS)


@pytest.mark.parametrize("beam", [1, 3, 12])
def test_a_sentence_has_the_same_translation_in_any_company(beam: int) -> None:
    model = network(3)
    together = beam_search([model], SOURCES, beam, 2.0)
    backwards = beam_search([model], SOURCES[::-1], beam, 2.0)[::-1]
    alone = [beam_search([model], [source], beam, 2.0)[0] for source in SOURCES]
    for hypotheses in zip(together, backwards, alone, strict=True):
        assert len({(one.ids, one.complete) for one in hypotheses}) == 1
        assert max(one.log_prob for one in hypotheses) == pytest.approx(
            min(one.log_prob for one in hypotheses), abs=1e-4
        )


def test_an_ensemble_of_one_model_twice_is_that_model() -> None:
    model = network(2)
    for one, two in zip(beam_search([model], SOURCES, 3, 2.0), beam_search([model] * 2, SOURCES, 3, 2.0), strict=True):
        assert one.ids == two.ids
        assert one.log_prob == pytest.approx(two.log_prob, abs=1e-5)


def test_a_translation_without_end_stops_at_the_limit() -> None:
    found = beam_search([network(1, eos_bias=-1e4)], [[3, 4], [5]], 2, max_length_ratio=1.5)
    assert [len(hypothesis.ids) for hypothesis in found] == [3 + EXTRA_LENGTH, 2 + EXTRA_LENGTH]
    assert not any(hypothesis.complete for hypothesis in found)


def test_an_empty_source_has_the_empty_translation() -> None:
    assert beam_search([network(1)], [[]], 2, 3.0) == [Hypothesis((), 0.0)]


def test_of_equal_extensions_the_first_is_preferred() -> None:
    scores = torch.tensor([[0.0, 1.0, 1.0, -1.0, 1.0]])
    assert top_extensions(scores, 4)[1].tolist() == [[1, 2, 4, 0]]
