"""The measurement of batches by length compares ways that see the same pairs."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from bench import bucketing
from tests import tiny


@pytest.mark.parametrize("way", bucketing.WAYS)
def test_every_pair_is_in_one_batch(tmp_path: Path, way: str) -> None:
    corpus = tiny.digits(tmp_path, "train", 300, seed=1)
    batches = bucketing.WAYS[way](corpus, 16, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(300))
    assert max(map(len, batches)) == 16


def test_buckets_compute_the_least_padding() -> None:
    app = typer.Typer()
    app.command()(bucketing.main)
    arguments = [
        "--pairs",
        "400",
        "--epochs",
        "1",
        "--seeds",
        "1",
        "--hidden",
        "4",
        "--batch-sentences",
        "8",
        "--threads",
        "1",
    ]
    found = json.loads(CliRunner().invoke(app, arguments).stdout)
    padding = [found["ways"][way]["target_padding_computed"] for way in ("buckets", "source_runs", "random")]
    assert padding == sorted(set(padding))
    assert all(1 < way["dev_perplexity"] < 5_000 for way in found["ways"].values())
