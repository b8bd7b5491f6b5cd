"""`groups --by length`: BLEU over sentences sorted by length."""

import json
from pathlib import Path

import pandas as pd
import pytest
from sacrebleu.metrics.bleu import BLEU

from pipeline import dag
from pipeline.stages.groups import __main__ as groups
from s2s.errors import UserError
from tests.support import project

TEXT = "the cat sees a dog and the old man who sits in his garden near our house"
SIZES = (9, 3, 15, 6, 12, 3, 10)
SOURCES = [" ".join(TEXT.split()[:size]) + "." for size in SIZES]
PAIRS = [(source, source.upper()) for source in SOURCES]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    project.write_test_set(tmp_path / "clean", PAIRS)
    return tmp_path


def run_stage(folder: Path, bins: int = 3, **runs: list[str]) -> dict[str, list[dict[str, float]]]:
    chosen = {run: {"system": "reversed", "seeds": 1, "beam": 1} for run in runs}
    first, settings = next(iter(runs)), {"bins": bins, "bootstrap_samples": 100}
    project.write_parameters(folder, length=settings, runs=chosen, **project.first_by(first))
    for run, translations in runs.items():
        project.write_run(folder / "translations", run, translations)
    project.write_run(folder / "rescored" / first, "even", runs[first])
    reports = [folder / f"length.{suffix}" for suffix in ("json", "csv", "svg")]
    folders = (folder / name for name in ("translations", "rescored", "baselines", "clean"))
    groups.main("length", *folders, *reports)
    written: dict[str, list[dict[str, float]]] = json.loads(reports[0].read_text(encoding="utf-8"))
    return written


def test_sentences_are_cut_into_groups_of_about_equal_count_from_short_to_long(workspace: Path) -> None:
    rows = run_stage(workspace, good=[target for _, target in PAIRS])["good"]
    groups_cut = [(row["bin"], row["shortest"], row["longest"], row["sentences"]) for row in rows]
    assert groups_cut == [(1, 4, 7, 3), (2, 10, 11, 2), (3, 13, 16, 2)]  # the period is a token


def test_a_perfect_translation_scores_a_hundred_at_every_length_and_an_empty_one_nothing(workspace: Path) -> None:
    systems = run_stage(workspace, good=[target for _, target in PAIRS], empty=[""] * len(PAIRS))
    assert {(row["bleu"], row["bleu_low"], row["bleu_high"]) for row in systems["good"]} == {(100.0, 100.0, 100.0)}
    assert {(row["bleu"], row["bleu_low"], row["bleu_high"]) for row in systems["empty"]} == {(0.0, 0.0, 0.0)}


def test_each_score_is_that_of_sacrebleu_on_the_same_sentences(workspace: Path) -> None:
    translations = [target.replace("SEES", "VOIT") for _, target in PAIRS]
    rows = run_stage(workspace, bins=2, mixed=translations)["mixed"]
    longest = (6, 4, 2)
    expected = BLEU().corpus_score([translations[row] for row in longest], [[PAIRS[row][1] for row in longest]])
    assert rows[1]["sentences"] == 3
    assert rows[1]["bleu"] == pytest.approx(expected.score, abs=1e-4)
    assert rows[1]["bleu_low"] <= rows[1]["bleu"] <= rows[1]["bleu_high"]


def test_fewer_sentences_than_bins_stand_alone(workspace: Path) -> None:
    project.write_test_set(workspace / "clean", PAIRS[:1])
    (row,) = run_stage(workspace, bins=8, good=[PAIRS[0][1]])["good"]
    assert (row["bin"], row["shortest"], row["longest"], row["sentences"], row["bleu"]) == (1, 10, 10, 1, 100.0)


def test_table_and_figure_show_every_run_in_the_order_of_the_parameters(workspace: Path) -> None:
    good = [target for _, target in PAIRS]
    systems = run_stage(workspace, zebra=good, ant=good)
    table = pd.read_csv(workspace / "length.csv")
    assert list(table["system"]) == ["zebra"] * 3 + ["ant"] * 3 + ["zebra (rescored)"] * 3
    assert table[table["system"] == "ant"].drop(columns="system").to_dict("records") == systems["ant"]
    svg = (workspace / "length.svg").read_text(encoding="utf-8")
    assert svg.index(">zebra<") < svg.index(">ant<") < svg.index(">zebra (rescored)<")
    assert all(f">{label}<" in svg for label in ("4–7", "10–11", "13–16"))


def test_a_second_run_gives_the_same_bytes(workspace: Path) -> None:
    translations = [target.replace("SEES", "VOIT") for _, target in PAIRS]
    contents = []
    for _ in range(2):
        run_stage(workspace, mixed=translations)
        contents.append([(workspace / f"length.{suffix}").read_bytes() for suffix in ("json", "csv", "svg")])
    assert contents[0] == contents[1]


def test_a_translation_that_is_missing_is_told(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"short.jsonl: found 1 translations; expected 7, one a test sentence"):
        run_stage(workspace, short=["A."])


@pytest.mark.parametrize("by", ["length", "rarity"])
def test_the_stage_of_each_order_declares_its_own_section_alone(by: str) -> None:
    [stage] = [stage for stage in dag.stages(project.ROOT) if f" --by {by} " in stage.cmd]
    assert stage.name == by
    assert {key for key in stage.params if key.startswith(("length", "rarity"))} == {by}
