"""Every kind of network learns to copy and to reverse digits, and only by reading the source."""

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from s2s.data.corpus import EncodedCorpus, Side
from s2s.model.scoring import perplexity
from s2s.training.trainer import StoppedError, Trainer
from tests.s2s.model.test_networks import KINDS
from tests.support import tiny

pytestmark = pytest.mark.process

QUICK = ("lstm", "cho", "bahdanau gru_cho", "luong_dot", "luong_general", "transformer")  # one kind of each design
SHAPE = {"hidden": 64, "embedding": 64, "maxout": 32, "heads": 4, "feed_forward": 128, "init_uniform": 0.08}
CEILING = 1.1
CHANCE = 4.69
"""Perplexity of a model that knows the distribution of targets but not the source: lengths 1 to 4 and five digits,
all equally likely, so exp((ln 4 + 2.5 ln 5) / 3.5) per token with </s>."""


def reached(kind: str, train: EncodedCorpus, dev: EncodedCorpus, seed: int, epochs: float, folder: Path) -> float:
    """Train a small network until its dev perplexity is below the ceiling, and return its best dev perplexity."""
    torch.set_num_threads(1)
    model = tiny.network(seed, **{"layers": 1} | KINDS[kind] | SHAPE)
    recipe, device = tiny.recipe(epochs=epochs, learning_rate=0.005, clip_norm=1.0), torch.device("cpu")
    learning = Trainer(
        model, recipe, train, dev, seed, device, stop=lambda: learning.position.best_perplexity < CEILING
    )
    with suppress(StoppedError):
        learning.run(folder)
    model.load_state_dict(learning.best)
    return perplexity(model, dev, 1000).perplexity


def corpora(folder: Path, seed: int, reverse: bool) -> tuple[EncodedCorpus, EncodedCorpus]:
    """Write and open training and dev corpora of strings of one to four digits."""
    train = tiny.digits(folder, "train", 2000, seed, reverse, longest=4)
    return train, tiny.digits(folder, "dev", 500, seed + 1, reverse, longest=4)


def without_sources(corpus: EncodedCorpus) -> EncodedCorpus:
    """Return a corpus with the same targets and empty sources."""
    empty = Side(np.zeros(0, np.int32), np.zeros(len(corpus) + 1, np.int64))
    return EncodedCorpus(empty, corpus.target, np.argsort(corpus.target.lengths, kind="stable").astype(np.int32))


def unless_quick(kind: str, *others: object, quick: bool = True) -> Any:
    """Make a test case, marked slow unless the kind is in `QUICK`."""
    return pytest.param(kind, *others, marks=() if quick and kind in QUICK else pytest.mark.slow)


@pytest.mark.parametrize(
    ("kind", "task"),
    [unless_quick(kind, task, quick=task == "reverse") for kind in KINDS for task in ("copy", "reverse")],
)
def test_a_network_learns_digits_to_a_perplexity_ceiling_from_any_seed(kind: str, task: str, tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000)
    train, dev = corpora(tmp_path, seed, task == "reverse")
    assert reached(kind, train, dev, seed, 40.0, tmp_path / "checkpoints") < CEILING, f"with seed {seed}"


@pytest.mark.parametrize("kind", [unless_quick(kind) for kind in KINDS])
def test_without_its_sources_a_network_is_no_better_than_chance(kind: str, tmp_path: Path) -> None:
    """A better perplexity would mean that the decoder sees target tokens that it has yet to predict."""
    seed = secrets.randbelow(1_000_000)
    train, dev = (without_sources(corpus) for corpus in corpora(tmp_path, seed, reverse=False))
    blind = reached(kind, train, dev, seed, 3.0, tmp_path / "checkpoints")
    assert 0.97 * CHANCE < blind < 1.2 * CHANCE, f"with seed {seed}"
