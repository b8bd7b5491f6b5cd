"""Attention maps are in text order, whatever the reading order, the batch and the ensemble."""

from pathlib import Path

import numpy as np
import pytest
import torch

from s2s.data.batches import make_batch, pack_sources
from s2s.data.corpus import EncodedCorpus, write_split
from s2s.inference.attention_maps import alignments, attends, of_unknown
from s2s.inference.search import Hypothesis
from s2s.model.loss import linear_cross_entropy
from s2s.model.seq2seq import NETWORKS, Seq2Seq
from s2s.text.vocabulary import EOS, UNK
from tests.support import tiny

pytestmark = pytest.mark.process

SOURCES = [[3, 4, 5, 6, 7], [6], [7, 3], [4, 4, 4], [5, 6]]
TARGETS = [[3, 4], [], [7, 6, 5, 3, 4, 4], [6], [5, 5, 3]]
KINDS = [kind for kind, (_, decoder) in NETWORKS.items() if decoder.attends]
EACH = pytest.mark.parametrize("kind", KINDS)


def network(kind: str, seed: int = 1, **changes: object) -> Seq2Seq:
    """Return a small network of the given kind with random weights."""
    if kind == "transformer":
        return tiny.network(seed, network=kind, hidden=8, embedding=8, heads=2, feed_forward=16, **changes)
    return tiny.network(seed, context=kind, maxout=4, **changes)


def test_some_kinds_of_networks_attend() -> None:
    assert {"bahdanau", "luong_dot", "luong_general"} <= set(KINDS)
    assert not attends(tiny.architecture())
    assert all(attends(network(kind).architecture) for kind in KINDS)


@EACH
@pytest.mark.parametrize("reverse_source", [False, True])
def test_they_are_what_the_decoder_looks_at_in_the_order_of_the_text(kind: str, reverse_source: bool) -> None:
    model = network(kind, reverse_source=reverse_source)
    for source, target in zip(SOURCES, TARGETS, strict=True):
        read = source[::-1] if reverse_source else source
        state = model.encoder(pack_sources([torch.tensor(read)], reverse=False))
        with torch.inference_mode():
            looks = model.decoder.attention(torch.tensor([[EOS, *target]]).t(), state)[:, 0].numpy()
        (shares,) = alignments([model], [source], [target])
        np.testing.assert_allclose(shares, looks[:, ::-1] if reverse_source else looks, atol=1e-6)


@EACH
def test_each_step_has_shares_of_the_source_alone(kind: str) -> None:
    for source, target, shares in zip(SOURCES, TARGETS, alignments([network(kind)], SOURCES, TARGETS), strict=True):
        assert shares.shape == (len(target) + 1, len(source)) and shares.dtype == np.float32
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        assert (shares >= 0).all()


@EACH
def test_a_pair_is_aligned_alike_in_any_company(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s2s.inference.attention_maps.SENTENCES", 3)
    model = network(kind)
    for place, shares in enumerate(alignments([model], SOURCES, TARGETS)):
        (alone,) = alignments([model], SOURCES[place : place + 1], TARGETS[place : place + 1])
        np.testing.assert_allclose(shares, alone, atol=1e-6)


def test_an_ensemble_looks_where_those_that_attend_look_on_average() -> None:
    looking = [network("luong_dot"), network("bahdanau", 2), network("luong_general", 3, reverse_source=False)]
    alone = [alignments([model], SOURCES, TARGETS) for model in looking]
    together = alignments([tiny.network(), *looking], SOURCES, TARGETS)
    for place, shares in enumerate(together):
        np.testing.assert_allclose(shares, np.mean([source[place] for source in alone], axis=0), atol=1e-6)


def test_in_an_empty_source_there_is_nothing_to_look_at() -> None:
    empty, second = alignments([network("luong_dot")], [[], [3, 4]], [[5], [6]])
    assert (empty.shape, second.shape) == ((2, 0), (2, 2))
    assert alignments([network("luong_dot")], [], []) == []


def test_only_what_holds_an_unknown_word_is_aligned_for_it() -> None:
    model = network("luong_dot")
    shares = [
        [Hypothesis((3, 4), -1.0), Hypothesis((3, UNK), -2.0)],
        [Hypothesis((), -1.0)],
        [Hypothesis((UNK,), -1.0)],
    ]
    looks = of_unknown([tiny.network(), model], SOURCES[:3], shares)
    assert sorted(looks) == [(0, 1), (2, 0)]
    wanted = alignments([model], [SOURCES[0], SOURCES[2]], [[3, UNK], [UNK]])
    for look, source in zip((looks[0, 1], looks[2, 0]), wanted, strict=True):
        np.testing.assert_allclose(look, source, atol=1e-6)
    assert of_unknown([model], SOURCES[:1], shares[1:2]) == {}
    assert of_unknown([tiny.network()], SOURCES[:3], shares) == {}


def test_a_network_that_has_learned_to_reverse_looks_at_what_it_says(tmp_path: Path) -> None:
    draw, sizes = np.random.default_rng(1), {"source_vocabulary": 13, "target_vocabulary": 13}
    sources = [draw.permutation(np.arange(3, 13))[:size].tolist() for size in draw.integers(3, 8, 1000)]
    write_split(tmp_path, "train", sources, [[*source[::-1], EOS] for source in sources])
    corpus = EncodedCorpus.open(tmp_path, "train")
    model = tiny.network(context="bahdanau", cell="gru", bidirectional=True, layers=1, hidden=32, maxout=16, **sizes)
    optimizer = torch.optim.Adam(model.train().parameters(), lr=0.01)
    for _ in range(150):
        ((states, right_tokens),) = model.segments(make_batch(corpus, draw.integers(0, 1000, 48), reverse_source=True))
        loss, _ = linear_cross_entropy(states, model.decoder.output, right_tokens)
        optimizer.zero_grad()
        torch.autograd.backward(loss / len(right_tokens))
        optimizer.step()
    right = []
    for source, shares in zip(
        sources, alignments([model.eval()], sources, [ids[::-1] for ids in sources]), strict=True
    ):
        right += (shares[:-1].argmax(axis=1) == np.arange(len(source))[::-1]).tolist()
    assert np.mean(right) > 0.9
