import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from bench import alignment

VERBS = [("sleeps", "dort"), ("runs", "court"), ("sings", "chante")]
NOUNS = [("otter", "loutre"), ("heron", "héron"), ("badger", "blaireau"), ("weasel", "belette"), ("marten", "martre")]
LINES = [(f"The {f} {v} .", f"Voilà que le {e} {w} .") for (v, w), (f, e) in product(VERBS, NOUNS)]
HELD_OUT = [LINES[1], LINES[7], LINES[14]]


def write(folder: Path, lines: list[tuple[str, str]]) -> Iterator[Path]:
    """Writes both sides of a text."""
    folder.mkdir()
    for side, texts in zip(("source", "target"), zip(*lines, strict=True), strict=True):
        (folder / side).write_text("\n".join(texts) + "\n", encoding="utf-8")
        yield folder / side


def test_each_way_restores_what_it_can(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = write(tmp_path / "train", [line for line in LINES if line not in HELD_OUT])
    dev_source, dev_target = write(tmp_path / "dev", [*HELD_OUT, ("", "x")])
    alignment.main(source, target, dev_source, dev_target, vocabulary=[10])
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["cells"], found["iterations"]) == (12, 12 * 24, 5)
    measured = found["vocabularies"]["10"]
    assert (measured["masked"], measured["in_source"], measured["in_training"]) == (3, 0, 1)
    ways = {"lexicon": 1, "accounted_for": 1, "nearest": 0, "copied": 0, "chance": 0.25}
    assert measured["restored"] == ways | {"one_unknown_word": 0}  # a word that stands in each pair takes it all


def test_generated_sentences_are_translations_in_length() -> None:
    source, target = alignment.random_text(500)
    assert source.lengths.sum() == len(source.ids)
    assert target.lengths.sum() == len(target.ids)
    ratio = target.lengths / source.lengths
    assert ratio.mean() == pytest.approx(1.1, abs=0.01)
    assert 20 < source.lengths.mean() < 27
    assert np.array_equal(np.unique(source.ids), np.arange(source.ids.max() + 1))
