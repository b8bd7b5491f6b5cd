"""Paired bootstrap tests of BLEU and perplexity, compared with sacreBLEU's and with the normal distribution."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from s2s.evaluation import contrast, metrics
from s2s.evaluation.candidates import bleu

REFERENCES = ["Le chat dort sur le tapis .", "Il pleut , encore une fois .", "L' homme que j' ai vu est parti ."] * 10
WORSE = ["Le chat dort sous le tapis .", "Il pleut encore une fois .", "L' homme que j' ai vu est mort ."] * 10
DRAW = np.random.default_rng(5)
BETTER = [line if DRAW.random() < 0.05 else worse for line, worse in zip(REFERENCES, WORSE, strict=True)]


def compare(samples: int, seed: int) -> contrast.Contrast:
    """Return the BLEU difference of the better and the worse translations."""
    counts = [contrast.bleu_counts(lines, REFERENCES) for lines in (WORSE, BETTER)]
    first, second = (bleu(table.sum(axis=0)) for table in counts)
    drawn = bleu(contrast.resample(np.hstack(counts), samples, seed).reshape(samples, 2, -1))
    return contrast.judge(float(second - first), drawn[:, 1] - drawn[:, 0])


def test_value_and_p_value_are_those_of_sacrebleus_command_line(tmp_path: Path) -> None:
    for file, lines in (("first", WORSE), ("second", BETTER), ("references", REFERENCES)):
        (tmp_path / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = ["-tok", "none", "-s", "none", "--force", "-w", "6", "--paired-bs", "--paired-bs-n", "500", "-f", "json"]
    command = [sys.executable, "-m", "sacrebleu", "references", "-i", "first", "second", *options]
    theirs = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout)
    ours = compare(500, 12345)
    assert 0.01 < ours.p_value < 0.99
    assert ours.p_value == pytest.approx(theirs[1]["BLEU"]["p_value"], abs=1e-4)
    assert ours.value == pytest.approx(theirs[1]["BLEU"]["score"] - theirs[0]["BLEU"]["score"], abs=1e-4)


def test_the_draws_are_sacrebleus_own() -> None:
    assert compare(300, 7).p_value == metrics.paired_p_value(WORSE, BETTER, REFERENCES, True, 300, 7)


def normal(size: int, shift: float) -> NDArray[np.float64]:
    return np.random.default_rng(11).normal(shift, 1.0, (size, 1))


def test_the_interval_of_a_mean_is_the_normal_one() -> None:
    table = normal(400, 0.3)
    judged = contrast.judge(float(table.mean()), contrast.resample(table, 4000, 1)[:, 0] / 400)
    half = 1.96 * table.std() / np.sqrt(400)
    assert (judged.low, judged.high) == pytest.approx((table.mean() - half, table.mean() + half), abs=0.006)


def test_a_difference_of_nothing_is_chance() -> None:
    assert contrast.judge(0.0, np.zeros(100)) == contrast.Contrast(0.0, 0.0, 0.0, 1.0)


def test_perplexity_of_a_model_that_guesses_among_eight_is_eight() -> None:
    assert contrast.perplexity(np.array(-5 * np.log(8)), np.array(5.0)) == pytest.approx(8)


@pytest.mark.parametrize(("log_prob", "tokens"), [(-1e9, 1.0), (-1e9, 0.0)])
def test_the_perplexity_of_a_hopeless_model_is_finite(log_prob: float, tokens: float) -> None:
    assert np.isfinite(contrast.perplexity(np.array(log_prob), np.array(tokens)))


def test_systems_are_compared_as_their_parts_are_by_hand() -> None:
    counts = [contrast.bleu_counts(lines, REFERENCES) for lines in (WORSE, BETTER)]
    scores = contrast.Bootstrap(300, 7).bleu(counts)
    assert scores.difference().contrast() == compare(300, 7)
    assert scores.values.tolist() == [float(bleu(table.sum(axis=0))) for table in counts]
    joined = contrast.combine([contrast.Bootstrap(300, 7).bleu([table]) for table in counts])
    assert joined.difference().contrast() == compare(300, 7)


def test_perplexities_are_geometric_means_over_models_and_change_in_equal_steps() -> None:
    tokens = np.array([3, 5, 4])
    log_probs = [[np.array([-6.0, -9.0, -7.0])], [np.array([-3.0, -5.0, -4.0]), np.array([-5.0, -7.0, -6.0])]]
    scores = contrast.Bootstrap(50, 1).perplexity(tokens, log_probs)
    assert scores.values == pytest.approx([np.exp(22 / 12), np.exp(15 / 12)])
    assert scores.samples.shape == (50, 2)
    assert scores.change().value == pytest.approx(np.exp(-7 / 12) - 1)
    assert scores.change(2).value == pytest.approx(np.exp(-7 / 24) - 1)
    assert (-scores.change() + 0.5).value == pytest.approx(1.5 - np.exp(-7 / 12))
