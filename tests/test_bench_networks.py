"""The benchmark of all kinds of networks, at a size that takes a moment."""

import json

import pytest

from bench import networks


def test_every_kind_is_measured_beside_the_papers(capsys: pytest.CaptureFixture[str]) -> None:
    networks.main(hidden=8, vocabulary=50, batch_sentences=4, updates=2, rounds=1, beam=2, threads=1, device="cpu")
    found = json.loads(capsys.readouterr().out)["kinds"]
    assert found.keys() == networks.KINDS.keys()
    assert all(value > 0 for speeds in found.values() for value in speeds.values())
    assert (found["lstm"]["training_ratio"], found["lstm"]["search_ratio"]) == (1, 1)
