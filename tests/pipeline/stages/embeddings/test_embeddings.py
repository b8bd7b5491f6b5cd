"""The embeddings stage: probe sentences, their encoder states, and the projection to two dimensions."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from pipeline.parameters import reading
from pipeline.stages.embeddings import __main__ as embeddings
from s2s.errors import UserError
from s2s.inference import vectors
from s2s.text import vocabulary
from tests.support import model_folders, project, tiny

TITLES = "panel\tgroup\tsentence\n"
PROBES = TITLES + "order\tking\tthe king sees the cat\norder\tcat\tthe cat sees the king\nvoice\ta\tthe king\n"
CLEAN = reading.read(project.ROOT / "presets" / "default.yaml").clean


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    words = vocabulary.WordVocabulary(["the", "king", "cat", "sees", "."])
    model_folders.write(tmp_path / "model", network=tiny.network(), vocabularies=(words, words))
    return tmp_path


def run_stage(folder: Path, probes: str, **sections: dict[str, object]) -> dict[str, Any]:
    (folder / "probes.tsv").write_text(probes, encoding="utf-8")
    shown = {"probes": str(folder / "probes.tsv")} | sections.pop("embeddings", {})
    project.write_parameters(folder, embeddings=shown, **sections)
    reports = [folder / f"embeddings.{suffix}" for suffix in ("json", "csv", "svg")]
    embeddings.main(folder / "model", *reports)
    report: dict[str, Any] = json.loads(reports[0].read_text(encoding="utf-8"))
    return report


def test_the_plane_is_that_of_an_eigendecomposition() -> None:
    states = np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)
    points, shares = embeddings.project(states)
    centered = states.astype(np.float64) - states.mean(axis=0, dtype=np.float64)
    values, directions = np.linalg.eigh(centered.T @ centered)
    wanted = centered @ directions[:, :-3:-1]  # eigenvalues are in ascending order
    assert np.abs(points) == pytest.approx(np.abs(wanted), abs=1e-8)
    assert shares == pytest.approx(values[:-3:-1] / values.sum())
    assert np.abs(points) == pytest.approx(np.abs(PCA(2).fit_transform(states.astype(np.float64))), abs=1e-8)


def test_signs_follow_from_the_directions_alone() -> None:
    states = np.random.default_rng(2).normal(size=(6, 4)).astype(np.float32)
    points, _ = embeddings.project(states)
    loadings = np.linalg.lstsq(points, states - states.mean(axis=0), rcond=None)[0]  # [2, H]
    assert all(row[np.abs(row).argmax()] > 0 for row in loadings)
    again, _ = embeddings.project(states[::-1].copy())
    assert again[::-1] == pytest.approx(points, abs=1e-6)


@pytest.mark.parametrize(
    "states",
    [np.ones((1, 4), np.float32), np.ones((5, 4), np.float32), np.zeros((3, 1), np.float32)],
    ids=["one sentence", "identical points", "one identical number each"],
)
def test_what_does_not_vary_lies_at_the_origin(states: NDArray[np.float32]) -> None:
    points, shares = embeddings.project(states)
    assert not points.any() and points.shape == (len(states), 2)
    assert shares.tolist() == [0.0, 0.0]


def test_states_along_a_line_have_no_second_direction() -> None:
    points, shares = embeddings.project(np.outer([0, 1, 3], [3, 4]).astype(np.float32))
    assert points[:, 0] - points[0, 0] == pytest.approx([0, 5, 15])
    assert points[:, 1] == pytest.approx([0, 0, 0], abs=1e-6)
    assert shares == pytest.approx([1, 0])


def test_each_panel_is_projected_by_itself_from_the_encoders_last_state(workspace: Path) -> None:
    report = run_stage(workspace, PROBES)
    order, voice = report["panels"]
    states = vectors.embed(tiny.network(), [[3, 4, 6, 3, 5], [3, 5, 6, 3, 4]])
    distance = np.linalg.norm(states[0] - states[1])
    assert report["model"] == "reversed-1"
    assert [(sentence["group"], sentence["sentence"]) for sentence in order["sentences"]] == [
        ("king", "the king sees the cat"),
        ("cat", "the cat sees the king"),
    ]
    assert abs(order["sentences"][0]["x"] - order["sentences"][1]["x"]) == pytest.approx(distance, abs=1e-5)
    assert [(sentence["x"], sentence["y"]) for sentence in voice["sentences"]] == [(0.0, 0.0)]
    table = pd.read_csv(workspace / "embeddings.csv")
    assert list(table.columns) == ["panel", "group", "sentence", "x", "y"]
    assert list(table["x"]) == [sentence["x"] for panel in (order, voice) for sentence in panel["sentences"]]
    assert ">the cat sees the king<" in (workspace / "embeddings.svg").read_text(encoding="utf-8")


def test_sentences_are_cut_into_words_as_the_training_text_was(workspace: Path) -> None:
    probes = TITLES + "p\ta\tthe king sees the cat.\np\tb\tThe  king sees the cat .\n"
    report = run_stage(workspace, probes, clean={"lowercase": True})
    (panel,) = report["panels"]
    assert panel["explained_variance"] == [0.0, 0.0]
    assert [sentence["sentence"] for sentence in panel["sentences"]] == [
        "the king sees the cat.",
        "the king sees the cat .",
    ]


def test_no_probes_give_reports_of_nothing(workspace: Path) -> None:
    assert run_stage(workspace, TITLES)["panels"] == []
    assert "no probe sentences" in (workspace / "embeddings.svg").read_text(encoding="utf-8")


def test_a_second_run_gives_the_same_bytes(workspace: Path) -> None:
    contents = []
    for _ in range(2):
        run_stage(workspace, PROBES)
        contents.append([(workspace / f"embeddings.{suffix}").read_bytes() for suffix in ("json", "csv", "svg")])
    assert contents[0] == contents[1]


GROUPS = ["king", "king", "cat", "cat"]
KINGS = ["the king sees the cat", "the king sees", "the cat sees the king", "the cat sees"]


@pytest.mark.parametrize(("layer", "state", "told"), [(0, "h", 2), (1, "c", 1), (2, "h", 2)])
def test_the_layer_and_the_state_that_are_asked_for_are_measured(
    workspace: Path, layer: int, state: str, told: int
) -> None:
    probes = TITLES + "".join(f"p\t{group}\t{sentence}\n" for group, sentence in zip(GROUPS, KINGS, strict=True))
    report = run_stage(workspace, probes, model={"layers": 2}, embeddings={"layer": layer, "state": state})
    ids = [[{"the": 3, "king": 4, "cat": 5, "sees": 6}[word] for word in sentence.split()] for sentence in KINGS]
    states = vectors.embed(tiny.network(), ids, layer, state).astype(np.float64)
    (panel,) = report["panels"]
    assert (report["layer"], report["state"]) == (told, state)
    wanted = PCA(2, svd_solver="full").fit_transform(states)
    points = np.array([(sentence["x"], sentence["y"]) for sentence in panel["sentences"]])
    assert np.abs(points) == pytest.approx(np.abs(wanted), abs=1e-5)
    assert panel["separation"]["silhouette"] == pytest.approx(silhouette_score(states, GROUPS), abs=1e-4)
    assert (panel["separation"]["exact"], panel["separation"]["arrangements"]) == (True, 6)
    gaps = np.linalg.norm(states[:, None] - states[None], axis=2)
    others = np.mean([gaps[pair] for pair in [(0, 1), (0, 3), (1, 2), (2, 3), (1, 3)]])
    assert panel["separation"]["reordered"] == pytest.approx(gaps[0, 2] / others, abs=1e-4)


def test_a_layer_that_the_model_has_not_is_told(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"layer: found 3; expected at most 2, those of the model, or 0 for its top"):
        run_stage(workspace, PROBES, embeddings={"layer": 3}, model={"layers": 3})


@pytest.mark.parametrize("probes", ["demo", "multi30k"])
def test_our_own_probes_have_groups_enough_to_be_told_from_chance(probes: str) -> None:
    sentences = embeddings.read_probes(project.ROOT / "probes" / f"{probes}.tsv", CLEAN, "en")
    for panel in {sentence.panel for sentence in sentences}:
        sizes = [n for _, n in Counter(sentence.group for sentence in sentences if sentence.panel == panel).items()]
        arrangements = math.factorial(sum(sizes)) / math.prod(map(math.factorial, sizes)) / math.factorial(len(sizes))
        assert 1 / arrangements < 0.05
        assert len(set(sizes)) == 1  # equal sizes let group names be swapped, as counted above


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"probes.tsv line 1: found titles none; expected panel, group, sentence, separated by tabs"),
        (b"a\tb\n", r"probes.tsv line 1: found titles a, b; expected panel, group, sentence, separated by tabs"),
        (b"panel\tgroup\tsentence\n\np\tg\n", r"probes.tsv line 3: found 2 texts; expected panel, group, sentence"),
        (b"panel\tgroup\tsentence\np\tg\t \n", r"probes.tsv line 2: found 2 texts; expected panel, group, sentence"),
        (
            b"panel\tgroup\tsentence\np\tg\tcaf\xe9\n",
            r"probes.tsv: damaged \(.* byte 0xe9 in position 28.*\); ",
        ),
    ],
)
def test_a_mistake_in_the_probes_is_told_with_its_place(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "probes.tsv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        embeddings.read_probes(tmp_path / "probes.tsv", CLEAN, "en")


def test_probes_from_other_systems_are_read(tmp_path: Path) -> None:
    (tmp_path / "probes.tsv").write_bytes("\ufeffpanel\tgroup\tsentence\r\np\tg\tun café\r\n".encode())
    assert embeddings.read_probes(tmp_path / "probes.tsv", CLEAN, "fr") == [embeddings.Probe("p", "g", "un café")]


def test_probes_that_are_missing_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"probes.tsv: no such file; expected probe sentences in UTF-8, see"):
        embeddings.read_probes(tmp_path / "probes.tsv", CLEAN, "en")
