"""Predictions of an ensemble, and of one model computed with the search's own kernels."""

import math

import pytest
import torch

from s2s.inference.ensemble import SOURCE_TOKENS, Ensemble, Stepper, batches, mean, spread
from s2s.model.layers import product
from s2s.text.vocabulary import EOS
from tests.support import tiny

SOURCES = [[3, 4, 5], [6], [7, 3]]


@pytest.mark.parametrize("layers", [1, 3])
def test_a_step_is_what_the_decoder_says_in_evaluation(layers: int) -> None:
    model = tiny.network(layers=layers)
    stepper = Stepper(model)
    with torch.inference_mode():
        own = expected_state = stepper.start(SOURCES)
        for tokens in ([EOS] * 3, [3, 4, 5], [6, 6, 7]):
            log_probs, own = stepper.step(torch.tensor(tokens), own)
            logits, expected_state = tiny.step(model, torch.tensor(tokens), expected_state)
            torch.testing.assert_close(log_probs, logits.log_softmax(dim=1), atol=1e-6, rtol=0)
            torch.testing.assert_close(own, expected_state, atol=1e-6, rtol=0)


@pytest.mark.parametrize("rows", [1, 5, 64])
def test_a_product_is_the_linear_map(rows: int) -> None:
    layer = torch.nn.Linear(7, 11)
    inputs = torch.randn(rows, 7)
    with torch.inference_mode():
        torch.testing.assert_close(product(layer.weight, layer.bias)(inputs), layer(inputs))


@pytest.mark.parametrize(("kind", "expected"), [("probabilities", 0.5), ("log_probabilities", math.sqrt(0.16))])
def test_the_mean_of_two(kind: str, expected: float) -> None:
    predictions = [torch.tensor([[0.2, 0.8]]).log(), torch.tensor([[0.8, 0.2]]).log()]
    assert mean(predictions, kind).exp()[0].tolist() == pytest.approx([expected] * 2)


def test_hypotheses_go_on_where_they_were() -> None:
    models = [tiny.network(1), tiny.network(2, hidden=7)]
    with torch.inference_mode():
        ensemble, alone = Ensemble(models, SOURCES, "probabilities"), Ensemble(models, SOURCES[1:2], "probabilities")
        ensemble.next_log_probs(torch.tensor([EOS] * 3))
        alone.next_log_probs(torch.tensor([EOS]))
        ensemble.keep(torch.tensor([1, 1]), torch.tensor([1]))
        together = ensemble.next_log_probs(torch.tensor([4, 5]))
        torch.testing.assert_close(together[:1], alone.next_log_probs(torch.tensor([4])))


def test_long_lines_are_read_in_bounded_batches() -> None:
    lengths = [5, 10_000, 9_000, 7_000, 3, 20_000, 0, 5]
    assert list(batches(lengths, 3)) == [[5], [1], [2, 3, 0], [7, 4, 6]]
    for batch in batches([SOURCE_TOKENS // 4] * 10, 64):
        assert len(batch) in (4, 2)
    assert list(batches([], 64)) == []


def test_models_take_turns_on_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert spread("cuda", 3) == ["cuda:0", "cuda:1", "cuda:0"]
    assert spread("cpu", 2) == ["cpu", "cpu"]
