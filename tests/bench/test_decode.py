"""The benchmark of translation: counts of matrix products, and forced lengths."""

import json
from pathlib import Path

import pytest

from bench import decode
from bench.floor import Kind, Product
from s2s.errors import UserError
from tests.support.tiny import architecture

SMALL = {"layers": 1, "hidden": 8, "source_vocabulary": 50, "target_vocabulary": 40, "threads": 1, "device": "cpu"}


def test_products_are_those_of_the_sources_and_of_each_step_of_each_hypothesis() -> None:
    shape = architecture(layers=1, embedding=3, hidden=2, target_vocabulary=5)
    products = list(decode.products(shape, [2, 1], [1, 0], beam=4))
    forward = Kind.FORWARD
    encoder = [Product(forward, 3, 3, 8), Product(forward, 2, 2, 8), Product(forward, 1, 2, 8)]
    first = [Product(forward, 2, 5, 8), Product(forward, 2, 2, 5)]  # one hypothesis for each sentence
    second = [Product(forward, 4, 5, 8), Product(forward, 4, 2, 5)]  # four hypotheses, all of the longer sentence
    assert products == [*encoder, *first, *second]


def test_it_says_how_many_sentences_and_words_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    decode.main(beam=3, words=5, sentences=9, batch_sentences=4, **SMALL)  # type: ignore[arg-type]
    figures = json.loads(capsys.readouterr().out)
    assert list(figures)[:3] == ["benchmark", "command", "machine"]
    assert figures["sentences"] == 9
    assert figures["target_words_per_second"] == pytest.approx(5 * figures["sentences_per_second"], rel=0.01)
    assert figures["floor_share"] > 0 and figures["peak_memory_mb"] > 50


def test_a_peer_wants_a_length(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--peer: found --words 0; expected a length that is forced on both"):
        decode.main(source=tmp_path, words=0, peer=True)
