"""The neighbors stage: test sentences with the closest encoder states."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from pipeline.stages import neighbors
from s2s.inference import vectors
from s2s.text import vocabulary
from tests.support import model_folders, project, tiny

WORDS = ["the", "king", "cat", "sees", "."]
SOURCES = ["the king", "the king sees", "the cat sees", "the king sees", "king", "the cat sees the king", "<b>&"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    words = vocabulary.WordVocabulary(WORDS)
    model_folders.write(tmp_path / "model", network=tiny.network(), vocabularies=(words, words))
    return tmp_path


def run_stage(folder: Path, sources: list[str], **settings: int) -> dict[str, Any]:
    project.write_test_set(folder / "clean", [(source, "le roi") for source in sources])
    project.write_parameters(folder, neighbors=settings)
    neighbors.main(folder / "model", folder / "clean", folder / "neighbors.json")
    report: dict[str, Any] = json.loads((folder / "neighbors.json").read_text(encoding="utf-8"))
    return report


def test_neighbors_are_the_other_texts_by_their_cosine(workspace: Path) -> None:
    report = run_stage(workspace, SOURCES, sentences=7, nearest=2)
    ids = [[3 + WORDS.index(word) if word in WORDS else 1 for word in source.split()] for source in SOURCES]
    ids[6] = [1, 1, 1, 1]  # cut into < b > &
    cosines = cosine_similarity(vectors.embed(tiny.network(), ids).astype(np.float64))
    assert (report["model"], report["layer"], report["state"]) == ("reversed-1", 2, "h")
    assert [(sentence["id"], sentence["tokens"]) for sentence in report["sentences"]] == [
        (4, 1), (0, 2), (1, 3), (2, 3), (3, 3), (6, 4), (5, 5)
    ]  # fmt: skip
    for sentence in report["sentences"]:
        others = [row for row, source in enumerate(SOURCES) if source != sentence["source"] and row != 3]
        wanted = sorted(others, key=lambda row: -cosines[sentence["id"], row])[:2]
        assert [neighbor["id"] for neighbor in sentence["nearest"]] == wanted
        assert [neighbor["source"] for neighbor in sentence["nearest"]] == [SOURCES[row] for row in wanted]
        assert [neighbor["similarity"] for neighbor in sentence["nearest"]] == pytest.approx(
            cosines[sentence["id"], wanted], abs=2e-6
        )


def test_a_sentence_alone_has_no_neighbor_and_none_may_be_asked_for(workspace: Path) -> None:
    assert run_stage(workspace, ["the king"] * 2, sentences=1)["sentences"][0]["nearest"] == []
    assert run_stage(workspace, SOURCES, sentences=0)["sentences"] == []


def test_a_second_run_gives_the_same_bytes(workspace: Path) -> None:
    contents = []
    for _ in range(2):
        run_stage(workspace, SOURCES)
        contents.append((workspace / "neighbors.json").read_bytes())
    assert contents[0] == contents[1]
