"""Training learns, is a function of its seed, and goes on exactly where it was."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from s2s import trainer
from s2s.data import EncodedCorpus, bucket, make_batch
from s2s.errors import UserError
from s2s.loss import cross_entropy
from s2s.model import Seq2Seq
from s2s.scoring import perplexity
from s2s.trainer import Position, Status, Trainer
from tests import tiny

CPU = torch.device("cpu")


class StoppedError(Exception):
    """Stands for a kill at some moment."""


@pytest.fixture
def corpora(tmp_path: Path) -> tuple[EncodedCorpus, EncodedCorpus]:
    return tiny.digits(tmp_path, "train", 400, seed=1), tiny.digits(tmp_path, "dev", 50, seed=2)


def train(
    corpora: tuple[EncodedCorpus, EncodedCorpus],
    path: Path,
    watch: Callable[[Status], None] = lambda status: None,
    **changes: object,
) -> tuple[Seq2Seq, Position]:
    torch.set_num_threads(1)
    model = tiny.network(dropout=0.1, hidden=16, embedding=8)
    position = Trainer(model, tiny.recipe(**changes), *corpora, 1, CPU, watch).run(path)
    return model, position


def same(a: Seq2Seq, b: Seq2Seq) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("seed", [1, 17])
@pytest.mark.parametrize("task", ["copy", "reverse"])
def test_it_learns_digit_strings_to_a_perplexity_below(tmp_path: Path, task: str, seed: int) -> None:
    torch.set_num_threads(2)
    reverse = task == "reverse"
    corpora = (
        tiny.digits(tmp_path, "train", 2000, 0, reverse, longest=4),
        tiny.digits(tmp_path, "dev", 100, 1, reverse, longest=4),
    )
    model = tiny.network(seed, layers=1, hidden=64, embedding=16, init_uniform=0.08)
    Trainer(model, tiny.recipe(epochs=12.0), *corpora, seed, CPU, lambda status: None).run(tmp_path / "checkpoint")
    assert perplexity(model, corpora[1], 1000).perplexity < 1.1


def test_the_same_seed_gives_the_same_weights(tmp_path: Path, corpora: tuple[EncodedCorpus, EncodedCorpus]) -> None:
    assert same(train(corpora, tmp_path / "a")[0], train(corpora, tmp_path / "b")[0])


@pytest.mark.parametrize("update", [3, 13, 14, 20])
def test_stopped_anywhere_it_ends_with_the_same_weights_and_curve(
    tmp_path: Path, corpora: tuple[EncodedCorpus, EncodedCorpus], update: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, position = train(corpora, tmp_path / "whole")
    monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", -1.0)  # a checkpoint after every update

    def stop(status: Status) -> None:
        if status.update == update + 1:  # told before the checkpoint of that update is written
            raise StoppedError

    with pytest.raises(StoppedError):
        train(corpora, tmp_path / "stopped", stop)
    resumed, again = train(corpora, tmp_path / "stopped")
    assert same(whole, resumed)
    assert again.curve == position.curve


def test_a_finished_training_is_not_done_again(tmp_path: Path, corpora: tuple[EncodedCorpus, EncodedCorpus]) -> None:
    first, _ = train(corpora, tmp_path / "checkpoint")
    seen: list[Status] = []
    second, _ = train(corpora, tmp_path / "checkpoint", seen.append)
    assert same(first, second)
    assert not seen


def test_the_best_epoch_is_kept_and_patience_ends_training(
    tmp_path: Path, corpora: tuple[EncodedCorpus, EncodedCorpus]
) -> None:
    checkpoint = tmp_path / "checkpoint"
    model, position = train(corpora, checkpoint, learning_rate=1.0, decay="constant", epochs=50.0, patience_epochs=2)
    found = [row["dev_perplexity"] for row in position.curve]
    assert len(found) < 50
    assert position.best_perplexity == min(found) == pytest.approx(perplexity(model, corpora[1], 1000).perplexity)
    assert found.index(min(found)) == len(found) - 3


@pytest.mark.parametrize("epochs", [1.0, 1.5, 0.5])
def test_epochs_may_be_fractions(tmp_path: Path, corpora: tuple[EncodedCorpus, EncodedCorpus], epochs: float) -> None:
    _, position = train(corpora, tmp_path / "checkpoint", epochs=epochs)
    updates = epochs * len(bucket(corpora[0], 32, 1000))
    assert (position.update, position.curve[-1]["epoch"]) == (math.ceil(updates), epochs)


def test_a_loss_that_is_no_number_is_told(tmp_path: Path, corpora: tuple[EncodedCorpus, EncodedCorpus]) -> None:
    model = tiny.network()
    with torch.no_grad():
        model.decoder.output.bias.fill_(math.nan)
    run = Trainer(model, tiny.recipe(), *corpora, 1, CPU, lambda status: None)
    with pytest.raises(UserError, match="found a loss or gradient that is no number; expected training to converge"):
        run.run(tmp_path / "checkpoint")
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize(("normalize", "share"), [("tokens", 1 / 6), ("sentences", 1 / 32)])
def test_the_gradient_is_divided_as_stated(tmp_path: Path, normalize: str, share: float) -> None:
    corpus = tiny.digits(tmp_path, "train", 3, seed=5, longest=1)  # a digit and </s> each: 6 tokens
    recipe = dataclasses.replace(
        tiny.recipe(optimizer="sgd", learning_rate=1.0, warmup_updates=0, epochs=1.0),
        decay="constant",
        normalize_loss=normalize,
        clip_norm=0.0,
    )
    model = tiny.network()
    before = model.decoder.output.bias.detach().clone()
    Trainer(model, recipe, corpus, corpus, 1, CPU, lambda status: None).run(tmp_path / "checkpoint")
    # The bias's summed gradient is what the model expects of each token less what came; it is the step at rate 1.
    step = before - model.decoder.output.bias.detach()
    twin = tiny.network()
    batch = make_batch(corpus, range(3), reverse_source=True)
    torch.autograd.backward(cross_entropy(twin(batch), batch.right_tokens)[0])
    assert twin.decoder.output.bias.grad is not None
    torch.testing.assert_close(step, twin.decoder.output.bias.grad * share)
