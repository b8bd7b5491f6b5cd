"""Scores equal sacreBLEU's, and intervals have the stated coverage."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from s2s.evaluation.metrics import corpus_bleu, corpus_chrf, paired_p_value

REFERENCES = ["Le chat dort sur le tapis .", "Il pleut , encore une fois .", "L' homme que j' ai vu est parti ."] * 10
HYPOTHESES = ["Le chat dort sous le tapis .", "Il pleut encore une fois .", "L' homme que j' ai vu est mort ."] * 10
OPTIONS = {
    "bleu": ["-m", "bleu", "-tok", "13a"],
    "tokenized": ["-m", "bleu", "-tok", "none", "-s", "none", "--force"],
    "chrf": ["-m", "chrf"],
}


@pytest.mark.parametrize("name", OPTIONS)
def test_scores_and_signatures_are_those_of_the_command_line(tmp_path: Path, name: str) -> None:
    for file, lines in (("hypotheses", HYPOTHESES), ("references", REFERENCES)):
        (tmp_path / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "references", "-i", "hypotheses", "-w", "6", *OPTIONS[name]]
    theirs = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout)
    if name == "chrf":
        ours = corpus_chrf(HYPOTHESES, REFERENCES, 100, 1)
    else:
        ours = corpus_bleu(HYPOTHESES, REFERENCES, name == "tokenized", 100, 1)
    assert ours.score == pytest.approx(theirs["score"], abs=1e-6)
    assert ours.signature == theirs["signature"]


def test_the_interval_is_close_to_sacrebleus_own() -> None:
    draw = np.random.default_rng(3)
    hypotheses = [
        line if draw.random() < 0.5 else changed for line, changed in zip(REFERENCES, HYPOTHESES, strict=True)
    ]
    command = [sys.executable, "-c", BOOTSTRAP, json.dumps([hypotheses, REFERENCES])]
    half = float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    ours = corpus_bleu(hypotheses, REFERENCES, False, 2000, 1)
    assert ours.low < ours.score < ours.high
    assert (ours.high - ours.low) / 2 == pytest.approx(half, rel=0.15)


BOOTSTRAP = """
import json, sys
from sacrebleu.metrics import BLEU
hypotheses, references = json.loads(sys.argv[1])
print(BLEU(tokenize="13a").corpus_score(hypotheses, [references], n_bootstrap=2000)._ci)
"""


def test_the_same_seed_gives_the_same_interval() -> None:
    scores = [corpus_bleu(HYPOTHESES, REFERENCES, False, 100, seed) for seed in (1, 1)]
    assert scores[0] == scores[1]


def test_bleu_is_its_precisions_and_its_penalty() -> None:
    score = corpus_bleu(HYPOTHESES, REFERENCES, True, 100, 1)
    assert len(score.precisions) == 4
    mean = math.exp(sum(math.log(precision) for precision in score.precisions) / 4)
    assert score.score == pytest.approx(score.brevity_penalty * mean)


@pytest.mark.parametrize("hypotheses", [[""] * 30, REFERENCES], ids=["empty", "perfect"])
def test_extremes_have_a_score_and_an_interval_without_width(hypotheses: list[str]) -> None:
    score = corpus_bleu(hypotheses, REFERENCES, False, 100, 1)
    assert score.low == pytest.approx(score.high) == pytest.approx(score.score)
    assert score.score == pytest.approx(100.0 if hypotheses == REFERENCES else 0.0)


def test_a_short_translation_is_penalised() -> None:
    score = corpus_bleu([line[:9] for line in REFERENCES], REFERENCES, False, 100, 1)
    assert score.brevity_penalty < 1
    assert score.length_ratio < 1


@pytest.mark.parametrize("name", ["bleu", "tokenized"])
def test_the_p_value_is_that_of_the_command_line(tmp_path: Path, name: str) -> None:
    draw = np.random.default_rng(5)
    better = [line if draw.random() < 0.05 else changed for line, changed in zip(REFERENCES, HYPOTHESES, strict=True)]
    for file, lines in (("first", HYPOTHESES), ("second", better), ("references", REFERENCES)):
        (tmp_path / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = [*OPTIONS[name], "--paired-bs", "--paired-bs-n", "500", "-f", "json"]
    command = [sys.executable, "-m", "sacrebleu", "references", "-i", "first", "second", *options]
    theirs = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout)
    ours = paired_p_value(HYPOTHESES, better, REFERENCES, name == "tokenized", 500, 12345)
    assert 0.01 < ours < 0.99
    assert ours == pytest.approx(theirs[1]["BLEU"]["p_value"], abs=1e-4)


def test_a_system_is_not_better_than_itself() -> None:
    assert paired_p_value(HYPOTHESES, HYPOTHESES, REFERENCES, False, 100, 1) == 1
