"""Training learns, depends only on its seed, and continues from a checkpoint with the same results."""

import dataclasses
import errno
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from s2s.data.batches import make_batch
from s2s.data.buckets import bucket
from s2s.data.corpus import EncodedCorpus
from s2s.errors import UserError
from s2s.model.loss import linear_cross_entropy
from s2s.model.scoring import perplexity
from s2s.model.seq2seq import Seq2Seq
from s2s.progress import Status
from s2s.training import checkpoint, memory, reporter, updater
from s2s.training.position import Position
from s2s.training.trainer import StoppedError, Trainer
from tests.support import tiny

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
Corpora = tuple[EncodedCorpus, EncodedCorpus]


class Notes:
    """A watcher that records reports and remarks."""

    def __init__(self) -> None:
        self.numbers: list[Status] = []
        self.remarks: list[str] = []

    def status(self, status: Status) -> None:
        self.numbers.append(status)

    def say(self, text: str) -> None:
        self.remarks.append(text)


@pytest.fixture
def corpora(tmp_path: Path) -> Corpora:
    return tiny.digits(tmp_path, "train", 400, seed=1), tiny.digits(tmp_path, "dev", 50, seed=2)


def trainer(
    corpora: Corpora,
    notes: Notes | None = None,
    stop: Callable[[], bool] = lambda: False,
    checkpoint_seconds: float = 600.0,
    **changes: Any,
) -> Trainer:
    torch.set_num_threads(1)
    model = tiny.network(dropout=0.1, hidden=16, embedding=8)
    recipe = tiny.recipe(**changes)
    return Trainer(model, recipe, *corpora, 1, CPU, notes, None, stop, checkpoint_seconds)


def train(corpora: Corpora, folder: Path, notes: Notes | None = None, **changes: Any) -> tuple[Seq2Seq, Position]:
    made = trainer(corpora, notes, **changes)
    return made.model, made.run(folder)


def same(a: Seq2Seq, b: Seq2Seq) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_fifty_updates_have_the_golden_losses() -> None:
    """A failure means that an edit changed numbers; for intended changes see golden.py."""
    command = [sys.executable, "-m", "tests.support.golden"]
    program = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert program.stdout == (ROOT / "tests/support/golden_losses.txt").read_text()


def test_the_same_seed_gives_the_same_weights(tmp_path: Path, corpora: Corpora) -> None:
    assert same(train(corpora, tmp_path / "a")[0], train(corpora, tmp_path / "b")[0])


RECIPES: dict[str, dict[str, Any]] = {
    "adam": {},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.5},
    "adadelta": {"optimizer": "adadelta", "learning_rate": 1.0},
    "averaged": {"average_updates": 5},
    "evaluated often": {"evaluations_per_epoch": 3},
    "truncated": {"bptt_tokens": 2},
    "without buckets": {"bucketing": False},
}


@pytest.mark.parametrize("update", [1, 13, 14, 20])
@pytest.mark.parametrize("changes", RECIPES.values(), ids=list(RECIPES))
def test_killed_anywhere_it_ends_with_the_same_weights_and_curve(
    tmp_path: Path, corpora: Corpora, update: int, changes: dict[str, Any]
) -> None:
    whole, position = train(corpora, tmp_path / "whole", **changes)
    killed = trainer(corpora, checkpoint_seconds=-1.0, **changes)  # a checkpoint after every update

    def kill() -> bool:
        if killed.position.update == update + 1:  # before the checkpoint of this update is written
            raise KeyboardInterrupt
        return False

    killed.stop = kill
    with pytest.raises(KeyboardInterrupt):
        killed.run(tmp_path / "killed")
    resumed, again = train(corpora, tmp_path / "killed", **changes)
    assert same(whole, resumed)
    assert again.curve == position.curve


@pytest.mark.parametrize("calls", [1, 5, 13, 14, 15, 20])
def test_asked_to_stop_it_saves_at_once_and_goes_on_exactly_there(tmp_path: Path, corpora: Corpora, calls: int) -> None:
    """The 14th call of `stop` is during an evaluation."""
    whole, position = train(corpora, tmp_path / "whole", average_updates=3)
    asked = iter(range(1, 1000))
    stopped = trainer(corpora, stop=lambda: next(asked) == calls, average_updates=3)
    with pytest.raises(StoppedError):
        stopped.run(tmp_path / "stopped")
    update = stopped.position.update
    assert checkpoint.latest(tmp_path / "stopped") == tmp_path / f"stopped/update-{update:010}.safetensors"
    resumed, again = train(corpora, tmp_path / "stopped", average_updates=3)
    assert same(whole, resumed)
    assert again.curve == position.curve


def test_a_finished_training_is_not_done_again(tmp_path: Path, corpora: Corpora) -> None:
    first, _ = train(corpora, tmp_path / "checkpoints")
    notes = Notes()
    second, _ = train(corpora, tmp_path / "checkpoints", notes)
    assert same(first, second)
    assert not notes.numbers


def test_a_named_checkpoint_is_gone_on_from_under_another_recipe(tmp_path: Path, corpora: Corpora) -> None:
    _, before = train(corpora, tmp_path / "first", decay="constant")
    named = checkpoint.latest(tmp_path / "first")
    longer = trainer(corpora, decay="constant", epochs=4.0)
    position = longer.run(tmp_path / "second", named)
    assert position.curve[:2] == before.curve
    assert [row["epoch"] for row in position.curve] == [1.0, 2.0, 3.0, 4.0]
    whole, _ = train(corpora, tmp_path / "whole", decay="constant", epochs=4.0)
    assert same(whole, longer.model)


def named(corpora: Corpora, folder: Path, **changes: Any) -> Path:
    """Return the last checkpoint of a short training."""
    train(corpora, folder, **{"epochs": 0.2} | changes)
    path = checkpoint.latest(folder)
    assert path is not None
    return path


OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "size": ({"hidden": 24}, {}, "model.hidden"),
    "reading direction": ({"reverse_source": False}, {}, "model.reverse_source"),
    "text": ({}, {"train text": "two"}, "train text"),
    "vocabulary": ({}, {"source vocabulary": "two", "dev text": "two"}, "dev text, source vocabulary"),
}


@pytest.mark.parametrize(("shape", "text", "others"), OTHERS.values(), ids=list(OTHERS))
def test_the_checkpoint_of_another_network_or_text_is_refused(
    tmp_path: Path, corpora: Corpora, shape: dict[str, Any], text: dict[str, Any], others: str
) -> None:
    facts = {"train text": "one", "dev text": "one", "source vocabulary": "one"}
    sizes: dict[str, Any] = {"dropout": 0.1, "hidden": 16, "embedding": 8}
    first = Trainer(tiny.network(**sizes), tiny.recipe(epochs=0.2), *corpora, 1, CPU, text=facts)
    first.run(tmp_path / "first")
    path = checkpoint.latest(tmp_path / "first")
    other = Trainer(tiny.network(**sizes | shape), tiny.recipe(), *corpora, 1, CPU, text=facts | text)
    with pytest.raises(UserError, match=rf"update-.*: found a checkpoint of another {others}; expected the same, or a"):
        other.run(tmp_path / "second", path)


def test_any_optimizer_takes_over_from_any(tmp_path: Path, corpora: Corpora) -> None:
    names = ("sgd", "adam", "adamw", "rmsprop", "adadelta")
    for name in names:
        path = named(corpora, tmp_path / name, optimizer=name)
        for other in names:
            run = trainer(corpora, notes := Notes(), optimizer=other, epochs=0.4)
            position = run.run(tmp_path / f"{name}-{other}", path)
            assert len(position.curve) == 2
            told = f"{path} is of {name}; {other} starts without state"
            assert (told in notes.remarks) is (name != other)


def test_a_training_that_patience_has_ended_goes_on_by_another_recipe(tmp_path: Path, corpora: Corpora) -> None:
    diverging: dict[str, Any] = {"learning_rate": 1.0, "decay": "constant", "epochs": 50.0, "patience_epochs": 2}
    path = named(corpora, tmp_path / "first", **diverging)
    before = trainer(corpora, **diverging).run(tmp_path / "first")
    longer = trainer(corpora, **diverging | {"learning_rate": 1e-4})
    assert len(longer.run(tmp_path / "second", path).curve) >= len(before.curve) + 2


@pytest.mark.parametrize(("cuts", "epochs"), [({"batch_sentences": 64}, 2.0), ({"batch_sentences": 8}, 2.0)], ids=str)
def test_the_rest_of_an_epoch_is_trained_by_batches_of_another_size(
    tmp_path: Path, corpora: Corpora, cuts: dict[str, Any], epochs: float
) -> None:
    path = named(corpora, tmp_path / "first", epochs=0.5)
    longer = trainer(corpora, **cuts, epochs=epochs)
    position = longer.run(tmp_path / "second", path)
    batches = len(bucket(corpora[0], cuts["batch_sentences"], 1000))
    assert [row["epoch"] for row in position.curve[1:]] == [1.0, 2.0]
    assert position.curve[2]["update"] - position.curve[1]["update"] == batches
    assert position.curve[1]["update"] - position.curve[0]["update"] == batches - round(batches * 7 / 13)


def test_a_checkpoint_after_the_end_is_refused(tmp_path: Path, corpora: Corpora) -> None:
    path = named(corpora, tmp_path / "first", epochs=2.0)
    with pytest.raises(UserError, match=r"found a training of 2 epochs; expected less than train.epochs, 1.5"):
        trainer(corpora, epochs=1.5).run(tmp_path / "second", path)


def test_a_damaged_last_checkpoint_costs_only_the_time_since_the_one_before(
    tmp_path: Path, corpora: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, position = train(corpora, tmp_path / "checkpoints")
    newest = checkpoint.latest(tmp_path / "checkpoints")
    assert newest is not None
    content = bytearray(newest.read_bytes())
    content[-9] ^= 1
    newest.write_bytes(content)
    resumed, again = train(corpora, tmp_path / "checkpoints")
    assert same(whole, resumed)
    assert again.curve == position.curve
    assert f"{newest}: found other bytes than were written" in capsys.readouterr().err


def test_the_best_weights_are_kept_and_patience_ends_training(tmp_path: Path, corpora: Corpora) -> None:
    folder = tmp_path / "checkpoints"
    model, position = train(corpora, folder, learning_rate=1.0, decay="constant", epochs=50.0, patience_epochs=2)
    perplexities = [row["dev_perplexity"] for row in position.curve]
    assert len(perplexities) < 50
    assert (
        position.best_perplexity == min(perplexities) == pytest.approx(perplexity(model, corpora[1], 1000).perplexity)
    )
    assert perplexities.index(min(perplexities)) == len(perplexities) - 3


def test_an_epoch_is_evaluated_as_often_as_asked(tmp_path: Path, corpora: Corpora) -> None:
    _, position = train(corpora, tmp_path / "checkpoints", epochs=1.0, evaluations_per_epoch=3)
    batches = len(bucket(corpora[0], 32, 1000))
    assert [row["update"] for row in position.curve] == [math.ceil(batches * number / 3) for number in (1, 2, 3)]
    assert position.curve[-1]["epoch"] == 1.0


def test_averaged_weights_are_evaluated_and_kept(tmp_path: Path, corpora: Corpora) -> None:
    recipe: dict[str, Any] = {"average_updates": 1000, "learning_rate": 0.1, "decay": "constant", "epochs": 1.0}
    run = trainer(corpora, **recipe)
    run.run(tmp_path / "checkpoints")
    assert run.updater.average is not None
    mean = run.updater.average.state_dict()
    assert all(torch.equal(mean[name], tensor) for name, tensor in run.model.state_dict().items())
    assert perplexity(run.model, corpora[1], 1000).perplexity == pytest.approx(run.position.best_perplexity)


@pytest.mark.parametrize("epochs", [1.0, 1.5, 0.5])
def test_epochs_may_be_fractions(tmp_path: Path, corpora: Corpora, epochs: float) -> None:
    _, position = train(corpora, tmp_path / "checkpoints", epochs=epochs)
    updates = epochs * len(bucket(corpora[0], 32, 1000))
    assert (position.update, position.curve[-1]["epoch"]) == (math.ceil(updates), epochs)


def test_a_loss_that_is_never_a_number_is_told(tmp_path: Path, corpora: Corpora) -> None:
    run = trainer(corpora)
    with torch.no_grad():
        run.model.decoder.output.bias.fill_(math.nan)
    with pytest.raises(
        UserError, match="found no finite loss or gradient in the last 13 updates; expected training to"
    ):
        run.run(tmp_path / "checkpoints")
    assert checkpoint.latest(tmp_path / "checkpoints") is None


def spoil(monkeypatch: pytest.MonkeyPatch, calls: set[int]) -> None:
    """Make the loss of some calls NaN."""
    count = iter(range(10_000))

    def spoilt(*arguments: object, **named: object) -> tuple[torch.Tensor, torch.Tensor]:
        loss, log_loss = linear_cross_entropy(*arguments, **named)  # type: ignore[arg-type]
        return loss * (math.nan if next(count) in calls else 1.0), log_loss

    monkeypatch.setattr(updater, "linear_cross_entropy", spoilt)


def test_a_batch_whose_gradient_is_no_number_is_skipped_and_told(
    tmp_path: Path, corpora: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, {6, 7})
    notes = Notes()
    _, position = train(corpora, tmp_path / "checkpoints", notes)
    assert "update 13: skipped 2 with a loss or gradient that is not finite" in notes.remarks
    assert all(math.isfinite(value) for row in position.curve for value in row.values())


def exhaust(monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    """Make memory run out when more than a number of target tokens are computed at a time."""

    def limited(states: torch.Tensor, *arguments: object, **named: object) -> object:
        if len(states) > tokens:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return linear_cross_entropy(states, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(updater, "linear_cross_entropy", limited)


def test_batches_that_memory_does_not_hold_are_computed_in_pieces(
    tmp_path: Path, corpora: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"bptt_tokens": 0, "label_smoothing": 0.1}
    model = tiny.network(hidden=16, embedding=8)
    whole = Trainer(model, tiny.recipe(**changes), *corpora, 1, CPU).run(tmp_path / "whole")
    exhaust(monkeypatch, 60)
    notes = Notes()
    model = tiny.network(hidden=16, embedding=8)
    pieced = Trainer(model, tiny.recipe(**changes), *corpora, 1, CPU, notes).run(tmp_path / "pieced")
    assert notes.remarks[0].startswith("memory: ")
    assert "in pieces of" in notes.remarks[0]
    assert pieced.update == whole.update
    for mine, theirs in zip(whole.curve, pieced.curve, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize(
    ("error", "is_exhausted"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
    ],
)
def test_memory_that_ran_out_is_told_from_other_errors(error: BaseException, is_exhausted: bool) -> None:
    assert memory.is_exhausted(error) == is_exhausted


def test_memory_that_runs_out_in_the_middle_is_told(
    tmp_path: Path, corpora: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainer(corpora, notes := Notes())
    watched = run.updater.update

    def later(*arguments: object) -> object:
        if run.position.update == 5:
            exhaust(monkeypatch, 60)
        return watched(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(run.updater, "update", later)
    run.run(tmp_path / "checkpoints")
    told = [remark for remark in notes.remarks if "memory ran out" in remark]
    assert len(told) == 1
    assert "batches are computed in pieces of" in told[0]


def test_one_pair_that_memory_does_not_hold_ends_training(
    tmp_path: Path, corpora: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhaust(monkeypatch, 0)
    with pytest.raises(UserError, match=r"update 0: found no memory for one pair of 13 tokens; expected room for it"):
        train(corpora, tmp_path / "checkpoints")


def test_a_full_disk_costs_checkpoints_and_no_training(
    tmp_path: Path, corpora: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    whole, _ = train(corpora, tmp_path / "whole")
    monkeypatch.setattr(checkpoint, "keep", full)
    model, _ = train(corpora, tmp_path / "full", notes := Notes())
    assert same(whole, model)
    assert any("found no way to write a checkpoint ([Errno 28] No space left" in remark for remark in notes.remarks)


def test_reports_count_what_came_since_the_last(
    tmp_path: Path, corpora: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "STATUS_SECONDS", 0.0)
    _, position = train(corpora, tmp_path / "checkpoints", notes := Notes(), epochs=1.0)
    now, evaluated = notes.numbers[:-1], notes.numbers[-1]
    assert sum(report.target_tokens for report in now) == int(corpora[0].target.lengths.sum())
    assert sum(report.source_tokens for report in now) == int(corpora[0].source.lengths.sum())
    assert evaluated.train_perplexity == position.curve[0]["train_perplexity"]
    logs = sum(math.log(report.train_perplexity) * report.target_tokens for report in now)
    assert math.exp(logs / int(corpora[0].target.lengths.sum())) == pytest.approx(evaluated.train_perplexity)
    assert all(report.machines[0].memory_mb > 0 for report in now)


def test_a_budget_of_memory_is_kept_by_pieces(tmp_path: Path, corpora: Corpora) -> None:
    run = trainer(corpora, notes := Notes(), memory_gb=0.0)
    fixed = memory.fixed_bytes(run.model, "adam", averaged=False)
    tokens = run.updater.plan().token_bytes
    small = (fixed + memory.SPARE_BYTES + 100 * tokens * memory.BACKWARD) / memory.GIGABYTE
    train(corpora, tmp_path / "checkpoints", notes, memory_gb=small)
    assert "in pieces of 100 tokens" in notes.remarks[0]
    with pytest.raises(
        UserError, match=r"train\.memory_gb: found 0\.1; expected at least 0\.31, for this model and one pair"
    ):
        train(corpora, tmp_path / "none", memory_gb=0.1)


@pytest.mark.parametrize(("normalize", "share"), [("tokens", 1 / 6), ("sentences", 1 / 32)])
def test_the_gradient_is_divided_as_stated(tmp_path: Path, normalize: str, share: float) -> None:
    corpus = tiny.digits(tmp_path, "train", 3, seed=5, longest=1)  # each target is a digit and </s>: 6 tokens
    recipe = dataclasses.replace(
        tiny.recipe(optimizer="sgd", learning_rate=1.0, warmup_updates=0, epochs=1.0),
        decay="constant",
        normalize_loss=normalize,
        clip_norm=0.0,
    )
    model = tiny.network()
    before = model.decoder.output.bias.detach().clone()
    Trainer(model, recipe, corpus, corpus, 1, CPU).run(tmp_path / "checkpoints")
    # A token's summed bias gradient is its expected count minus its count; at rate 1 it is the step.
    step = before - model.decoder.output.bias.detach()
    twin = tiny.network()
    batch = make_batch(corpus, range(3), reverse_source=True)
    torch.autograd.backward(F.cross_entropy(twin(batch), batch.right_tokens, reduction="sum"))
    assert twin.decoder.output.bias.grad is not None
    torch.testing.assert_close(step, twin.decoder.output.bias.grad * share)
