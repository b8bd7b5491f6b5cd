"""Beam search, compared with exhaustive search, with greedy search, and with itself in other batches."""

import functools
import itertools
import math
from dataclasses import replace

import pytest
import torch

from s2s.data.batches import pack_sources
from s2s.errors import UserError
from s2s.inference.forcing import score_pairs
from s2s.inference.sampling import Sampling, sample
from s2s.inference.search import EXTRA_LENGTH, Hypothesis, SearchSettings, beam_search
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import EOS, PAD, UNK
from tests.support import tiny

SOURCES = [[3, 4, 5], [6], [7, 3], [], [4, 4, 4, 4, 4]]
V = 5
LENGTH = 3  # longest translation of the exhaustive search
TOKENS = [token for token in range(V) if token not in (EOS, PAD)]
EVERY = [ids for length in range(LENGTH + 1) for ids in itertools.product(TOKENS, repeat=length)]
WIDE = SearchSettings(beam=len(TOKENS) ** LENGTH, n_best=5, max_tokens=LENGTH)


def log_prob(models: list[Seq2Seq], source: list[int], ids: tuple[int, ...], mean: str = "probabilities") -> float:
    """Compute the log-probability of a translation with its </s>, step by step."""
    states = [model.encoder(pack_sources([torch.tensor(source)], reverse=True)) for model in models]
    total, last = 0.0, EOS
    for token in (*ids, EOS):
        log_probs = []
        for number, model in enumerate(models):
            logits, states[number] = tiny.step(model, torch.tensor([last]), states[number])
            log_probs.append(logits.double().log_softmax(dim=-1)[0, token].item())
        geometric = sum(log_probs) / len(log_probs)
        arithmetic = math.log(sum(math.exp(value) for value in log_probs) / len(log_probs))
        total, last = total + (geometric if mean == "log_probabilities" else arithmetic), token
    return total


def network(seed: int, eos_bias: float = 0.0, **changes: object) -> Seq2Seq:
    model = tiny.network(seed, **{"target_vocabulary": V, "init_uniform": 1.0} | changes)
    with torch.no_grad():
        model.decoder.output.bias[EOS] += eos_bias
    return model


SETTINGS = [
    WIDE,
    replace(WIDE, length_penalty=0.7),
    replace(WIDE, word_reward=1.5),
    replace(WIDE, word_reward=-0.5, length_penalty=1.0),
    replace(WIDE, min_tokens=2),
    replace(WIDE, min_length_ratio=0.5),
    replace(WIDE, max_length_ratio=0.0, max_tokens=1),
    replace(WIDE, forbid_unknown=True),
]


@functools.cache
def every_log_prob(seed: int, source: tuple[int, ...]) -> dict[tuple[int, ...], float]:
    """Compute the log-probability of every translation that is not too long."""
    model = network(seed, eos_bias=1.0)
    return {ids: log_prob([model], list(source), ids) for ids in EVERY}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_beam_that_prunes_nothing_finds_what_exhaustive_search_finds(seed: int, settings: SearchSettings) -> None:
    model, sources = network(seed, eos_bias=1.0), [source for source in SOURCES if source]
    for source, hypotheses in zip(sources, beam_search([model], sources, settings), strict=True):
        least = max(settings.min_tokens, math.ceil(settings.min_length_ratio * len(source)))
        allowed = [ids for ids in EVERY if least <= len(ids) <= settings.max_tokens]
        allowed = [ids for ids in allowed if not (settings.forbid_unknown and UNK in ids)]
        scores = {
            ids: total / ((6 + len(ids)) / 6) ** settings.length_penalty + settings.word_reward * (len(ids) + 1)
            for ids, total in every_log_prob(seed, tuple(source)).items()
            if ids in allowed
        }
        best = sorted(allowed, key=scores.__getitem__, reverse=True)[: settings.n_best]
        assert [hypothesis.ids for hypothesis in hypotheses] == best
        assert [hypothesis.score for hypothesis in hypotheses] == pytest.approx([scores[ids] for ids in best], abs=1e-5)


@pytest.mark.parametrize("mean", ["probabilities", "log_probabilities"])
@pytest.mark.parametrize("members", [2, 3])
def test_an_ensemble_means_what_its_models_say_at_each_step(members: int, mean: str) -> None:
    models = [network(10 + member, eos_bias=1.0, hidden=4 + member) for member in range(members)]
    (hypotheses,) = beam_search(models, SOURCES[:1], replace(WIDE, mean=mean))
    scores = {ids: log_prob(models, SOURCES[0], ids, mean) for ids in EVERY}
    assert [hypothesis.ids for hypothesis in hypotheses] == sorted(EVERY, key=scores.__getitem__, reverse=True)[:5]
    assert [hypothesis.log_prob for hypothesis in hypotheses] == pytest.approx(
        [scores[hypothesis.ids] for hypothesis in hypotheses], abs=1e-5
    )


@pytest.mark.parametrize("beam", [1, 2, 4])
def test_stopping_early_changes_nothing(beam: int, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SearchSettings(beam, beam, length_penalty=0.6, word_reward=0.1, max_tokens=12)
    models = [network(seed, eos_bias=1.0) for seed in range(3)]
    early = beam_search(models, SOURCES, settings)
    monkeypatch.setattr(SearchSettings, "bound", lambda *_: math.inf)
    assert beam_search(models, SOURCES, settings) == early


@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    model = network(seed)
    for source, (greedy,) in zip(SOURCES[:3], beam_search([model], SOURCES[:3], SearchSettings(1)), strict=True):
        state, last, ids = model.encoder(pack_sources([torch.tensor(source)], reverse=True)), EOS, []
        for _ in range(len(source) * 3 + EXTRA_LENGTH):
            logits, state = tiny.step(model, torch.tensor([last]), state)
            logits[0, PAD] = -math.inf
            if (last := int(logits.argmax())) == EOS:
                break
            ids.append(last)
        assert greedy.ids == tuple(ids)
        assert greedy.complete == (last == EOS)
        assert greedy.log_prob == pytest.approx(log_prob([model], source, greedy.ids), abs=1e-5)


@pytest.mark.parametrize("beam", [1, 3, 12])
def test_a_sentence_has_the_same_translations_in_any_company(beam: int) -> None:
    model, settings = network(3), SearchSettings(beam, beam, max_length_ratio=2.0)
    together = beam_search([model], SOURCES, settings)
    backwards = beam_search([model], SOURCES[::-1], settings)[::-1]
    alone = [beam_search([model], [source], settings)[0] for source in SOURCES]
    for first, second, third in zip(together, backwards, alone, strict=True):
        assert (
            [hypothesis.ids for hypothesis in first]
            == [hypothesis.ids for hypothesis in second]
            == [hypothesis.ids for hypothesis in third]
        )
        for hypotheses in (second, third):
            assert [hypothesis.log_prob for hypothesis in first] == pytest.approx(
                [hypothesis.log_prob for hypothesis in hypotheses], abs=1e-4
            )


@pytest.mark.parametrize("settings", [SearchSettings(6, 6), SearchSettings(6, 4, length_penalty=1.0)], ids=str)
def test_the_best_are_sorted_and_all_different(settings: SearchSettings) -> None:
    for hypotheses in beam_search([network(5)], [source for source in SOURCES if source], settings):
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert len(hypotheses) == settings.n_best
        assert scores == sorted(scores, reverse=True)
        assert len({hypothesis.ids for hypothesis in hypotheses}) == len(hypotheses)


def test_a_translation_without_end_stops_at_the_limit() -> None:
    settings = SearchSettings(2, max_length_ratio=1.5)
    lists = beam_search([network(1, eos_bias=-1e4)], [[3, 4], [5]], settings)
    assert [len(hypothesis.ids) for (hypothesis,) in lists] == [3 + EXTRA_LENGTH, 2 + EXTRA_LENGTH]
    assert not any(hypothesis.complete for (hypothesis,) in lists)


def test_one_length_can_be_forced_on_all() -> None:
    settings = SearchSettings(3, 3, min_tokens=7, max_tokens=7)
    lists = beam_search([network(1)], [[3, 4], [5]], settings)
    assert {len(hypothesis.ids) for hypotheses in lists for hypothesis in hypotheses} == {7}


def test_padding_is_never_said() -> None:
    model = network(1)
    with torch.no_grad():
        model.decoder.output.bias[PAD] += 100
    assert all(
        PAD not in hypothesis.ids
        for hypotheses in beam_search([model], SOURCES, SearchSettings(3, 3))
        for hypothesis in hypotheses
    )


def test_an_empty_source_has_the_empty_translation() -> None:
    assert beam_search([network(1)], [[]], SearchSettings()) == [[Hypothesis((), 0.0)]]


def test_of_equal_hypotheses_the_first_and_of_equal_tokens_the_lowest_is_preferred() -> None:
    model = network(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    (hypotheses,) = beam_search([model], [[3, 4]], SearchSettings(4, 4, min_tokens=2, max_tokens=2))
    assert [hypothesis.ids for hypothesis in hypotheses] == [(1, 1), (1, 3), (1, 4), (3, 1)]


@pytest.mark.parametrize("number", [math.nan, 3e38])
def test_predictions_that_are_no_numbers_are_refused(number: float) -> None:
    model = tiny.network()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(number)
    for work in (
        lambda: beam_search([model], [[3, 4]], SearchSettings()),
        lambda: sample([model], [[3, 4]], SearchSettings(), Sampling()),
        lambda: score_pairs([model], [[3, 4]], [[3]], 100),
    ):
        with pytest.raises(
            UserError, match=r"^model: found a prediction that is no number; expected weights that give"
        ):
            work()


def test_limits_that_allow_no_translation_are_refused() -> None:
    model, settings = tiny.network(target_vocabulary=3), SearchSettings(min_tokens=1, forbid_unknown=True)
    with pytest.raises(UserError, match=r"^search: found no translation; expected limits that allow one$"):
        beam_search([model], [[3]], settings)
