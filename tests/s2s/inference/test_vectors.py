"""Sentence vectors from encoder states, and nearest neighbors by cosine similarity."""

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from s2s.data.batches import pack_sources
from s2s.errors import UserError
from s2s.inference import vectors
from tests.support import tiny

SENTENCES = [[3, 4, 5], [6], [5, 4, 3], [4] * 9, [3, 4], [6, 5, 4, 3]]


@pytest.mark.parametrize("layer", [0, 1, 2, 3])
@pytest.mark.parametrize("state", ["h", "c"])
def test_any_layer_of_h_or_c_is_that_of_the_encoder(layer: int, state: str) -> None:
    network = tiny.network(layers=3).eval()
    embedded = vectors.embed(network, SENTENCES, layer, state)
    for sentence, vector in zip(SENTENCES, embedded, strict=True):
        with torch.inference_mode():
            h, c = network.encoder(pack_sources([torch.tensor(sentence)], network.architecture.reverse_source)).own
        wanted = (h if state == "h" else c)[(layer or 3) - 1, 0]
        assert vector == pytest.approx(wanted.numpy(), abs=1e-6)


def test_more_sentences_than_are_read_together_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny.network().eval()
    whole = vectors.embed(network, SENTENCES)
    monkeypatch.setattr(vectors, "SENTENCES", 2)
    assert vectors.embed(network, SENTENCES) == pytest.approx(whole, abs=1e-6)
    assert vectors.embed(network, []).shape == (0, network.architecture.hidden)


def test_a_layer_that_is_not_there_is_told() -> None:
    with pytest.raises(UserError, match=r"layer: found 3; expected at most 2, those of the model, or 0 for its top"):
        vectors.embed(tiny.network(layers=2), SENTENCES, 3)


def test_neighbors_are_those_of_scikit_learns_cosines() -> None:
    points = np.random.default_rng(1).normal(size=(20, 5)).astype(np.float32)
    cosines = cosine_similarity(points.astype(np.float64))
    for row, close in zip((3, 17), vectors.nearest(points, (3, 17), 4, range(20)), strict=True):
        wanted = [neighbor for neighbor in np.argsort(-cosines[row]).tolist() if neighbor != row][:4]
        assert [neighbor for neighbor, _ in close] == wanted
        assert [cosine for _, cosine in close] == pytest.approx(cosines[row, wanted].tolist(), abs=2e-6)


def test_equally_close_sentences_come_by_number_and_each_text_once() -> None:
    points = np.array([[1, 0], [2, 0], [0, 1], [0, 2], [0, 0], [1, 1]], np.float32)
    kinds = ["a", "a", "b", "b", "c", "d"]
    ((*close,),) = vectors.nearest(points, [0], 9, kinds)
    assert close == [(5, 0.707107), (2, 0.0), (4, 0.0)]
    assert vectors.nearest(points[:1], [0], 9, kinds[:1]) == [[]]
    assert vectors.nearest(points, [], 9, kinds) == []
