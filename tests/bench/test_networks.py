"""The benchmark of all kinds of networks, at a small size."""

import json

import pytest

from bench import networks

pytestmark = pytest.mark.process


def test_every_kind_is_measured_beside_the_papers(capsys: pytest.CaptureFixture[str]) -> None:
    networks.main(hidden=8, vocabulary=50, batch_sentences=4, updates=2, rounds=1, beam=2, threads=1, device="cpu")
    kinds = json.loads(capsys.readouterr().out)["kinds"]
    assert kinds.keys() == networks.KINDS.keys()
    assert all(value > 0 for speeds in kinds.values() for value in speeds.values())
    assert (kinds["lstm"]["training_ratio"], kinds["lstm"]["search_ratio"]) == (1, 1)
