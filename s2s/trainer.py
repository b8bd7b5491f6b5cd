"""The training loop: batches in a drawn order, updates, an evaluation each epoch, and exact resumption.

Nothing here prints or tracks: whoever watches gets a `Status` now and then.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s import checkpoint
from s2s.data import Batch, EncodedCorpus, bucket, make_batch
from s2s.errors import check
from s2s.loss import cross_entropy
from s2s.model import Seq2Seq
from s2s.optim import clip_gradient, learning_rate, make_optimizer
from s2s.recipe import Recipe
from s2s.scoring import perplexity

STATUS_UPDATES = 20  # a status asks the device for numbers, and so waits for it: not at every update
CHECKPOINT_SECONDS = 600.0  # at most so much work is lost between the ends of epochs


@dataclass
class Position:
    """Where training stands: what a checkpoint keeps beside tensors."""

    epoch: int = 0  # epochs completed
    batch: int = 0  # batches completed in the current epoch
    update: int = 0
    best_epoch: float = 0.0
    best_perplexity: float = math.inf
    epochs_without_gain: int = 0
    finished: bool = False
    loss: float = 0.0  # of the current epoch so far: summed negative log-likelihood, nats
    tokens: int = 0  # ... target tokens
    norm: float = 0.0  # ... summed gradient norms
    curve: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Status:
    """What a watcher may want to know, after some updates or at the end of an epoch."""

    epoch: float
    epochs: float
    update: int
    learning_rate: float
    train_perplexity: float  # since the last status, or of the epoch at its end
    gradient_norm: float  # likewise, a mean
    tokens: int  # source and target, since the last status
    seconds: float  # since the last status
    dev_perplexity: float | None = None  # at the end of an epoch


class Trainer:
    """Trains one model on one corpus; `run` goes on from the checkpoint if there is one."""

    def __init__(
        self,
        model: Seq2Seq,
        recipe: Recipe,
        train: EncodedCorpus,
        dev: EncodedCorpus,
        seed: int,
        device: torch.device,
        watch: Callable[[Status], None],
    ) -> None:
        self.model, self.recipe, self.seed, self.device, self.watch = model.to(device), recipe, seed, device, watch
        self.train_corpus, self.dev_corpus = train, dev
        self.optimizer = make_optimizer(model.parameters(), recipe)
        self.best: dict[str, Tensor] = {}
        self.position = Position()
        self.sums = Sums(self.position)
        self.start_report()

    def run(self, path: Path) -> Position:
        """Trains to the end, leaving the best weights in `model`; checkpoints go to `path`.

        Raises:
            UserError: the loss is no longer a number.
        """
        if path.exists():
            self.resume(path)
        self.saved = time.monotonic()
        while not self.position.finished:
            self.run_epoch(path)
        self.model.load_state_dict(self.best)
        return self.position

    def resume(self, path: Path) -> None:
        """Takes up the state that a checkpoint holds."""
        kept = checkpoint.load(path)
        self.best = checkpoint.restore(kept.tensors, self.model, self.optimizer, self.device)
        self.position = Position(**kept.position)

    def save(self, path: Path) -> None:
        """Writes the present state."""
        tensors = checkpoint.gather(self.model, self.best, self.optimizer, self.device)
        position = asdict(self.position)
        if not math.isfinite(self.position.best_perplexity):
            del position["best_perplexity"]  # JSON has no infinity
        checkpoint.save(path, checkpoint.Checkpoint(tensors, position))
        self.saved = time.monotonic()

    def epoch_batches(self) -> list[NDArray[np.int32]]:
        """The batches of the current epoch, the same whenever asked: drawn from the seed and the epoch alone."""
        draw = np.random.default_rng((self.seed, self.position.epoch))
        batches = bucket(self.train_corpus, self.recipe.batch_sentences, self.recipe.batch_tokens, draw)
        left = self.recipe.epochs - self.position.epoch
        return batches[: math.ceil(left * len(batches))] if left < 1 else batches

    def run_epoch(self, path: Path) -> None:
        """The rest of the current epoch, then its evaluation."""
        batches = self.epoch_batches()
        share = min(1.0, self.recipe.epochs - self.position.epoch)
        self.sums = Sums(self.position)
        self.start_report()
        self.model.train()
        for pairs in batches[self.position.batch :]:
            done = self.position.epoch + share * self.position.batch / len(batches)
            rate = learning_rate(self.recipe, self.position.update, done)
            self.update(make_batch(self.train_corpus, pairs.tolist(), self.model.architecture.reverse_source), rate)
            self.position.batch += 1
            self.position.update += 1
            if self.position.update % STATUS_UPDATES == 0:
                self.report(done, rate)
            if time.monotonic() - self.saved > CHECKPOINT_SECONDS:
                self.report(done, rate)
                self.save(path)
        self.end_epoch(self.position.epoch + share)
        self.save(path)

    def update(self, batch: Batch, rate: float) -> None:
        """One step down the gradient of one batch."""
        batch = batch.to(self.device)
        loss, log_loss = cross_entropy(self.model(batch), batch.right_tokens, self.recipe.label_smoothing)
        divisor = batch.target_tokens if self.recipe.normalize_loss == "tokens" else self.recipe.batch_sentences
        self.optimizer.zero_grad()
        torch.autograd.backward(loss / divisor)
        norm = clip_gradient(self.model.parameters(), self.recipe.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.sums.add(log_loss, norm, batch.target_tokens)
        self.tokens += batch.source_tokens + batch.target_tokens

    def report(self, epoch: float, rate: float, dev_perplexity: float | None = None) -> None:
        """Fetches what was summed and tells the watcher what came since the last report."""
        position = self.position
        self.sums.into(position)
        check(
            math.isfinite(position.loss + position.norm),
            f"update {position.update}: found a loss or gradient that is no number; "
            "expected training to converge, lower train.learning_rate or train.clip_norm",
        )
        epoch_start = Position(update=position.update - position.batch)
        before = self.reported if dev_perplexity is None else epoch_start
        status = Status(
            epoch=epoch,
            epochs=self.recipe.epochs,
            update=position.update,
            learning_rate=rate,
            train_perplexity=to_perplexity(position.loss - before.loss, position.tokens - before.tokens),
            gradient_norm=(position.norm - before.norm) / max(1, position.update - before.update),
            tokens=self.tokens,
            seconds=time.monotonic() - self.reported_at,
            dev_perplexity=dev_perplexity,
        )
        self.start_report()
        self.watch(status)

    def start_report(self) -> None:
        """From here on the next report counts."""
        self.reported, self.reported_at, self.tokens = replace(self.position), time.monotonic(), 0

    def end_epoch(self, epoch: float) -> None:
        """Evaluates, keeps the weights if they are the best so far, and decides whether to go on."""
        position, recipe = self.position, self.recipe
        rate = learning_rate(recipe, position.update, epoch)
        dev = perplexity(self.model, self.dev_corpus, recipe.batch_tokens).perplexity
        self.report(epoch, rate, dev)
        position.curve.append(
            {
                "epoch": epoch,
                "update": position.update,
                "learning_rate": rate,
                "train_perplexity": to_perplexity(position.loss, position.tokens),
                "dev_perplexity": dev,
                "gradient_norm": position.norm / max(1, position.batch),
            }
        )
        better = dev < position.best_perplexity
        if better or not self.best:
            self.best = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
            position.best_epoch, position.best_perplexity = epoch, dev
        position.epochs_without_gain = 0 if better else position.epochs_without_gain + 1
        out_of_patience = 0 < recipe.patience_epochs <= position.epochs_without_gain
        position.finished = epoch >= recipe.epochs or out_of_patience
        position.epoch, position.batch = position.epoch + 1, 0
        position.loss, position.tokens, position.norm = 0.0, 0, 0.0


class Sums:
    """Loss and gradient norm of the current epoch, added one update at a time, and left on the device until asked for.

    Float sums depend on their order: reports and resumption must not change how these are added up.
    """

    def __init__(self, position: Position) -> None:
        self.loss: Tensor | float = position.loss
        self.norm: Tensor | float = position.norm
        self.tokens = position.tokens

    def add(self, loss: Tensor, norm: Tensor, target_tokens: int) -> None:
        """Adds one update; in float64, so that the sum of many hardly rounds."""
        self.loss = self.loss + loss.double()
        self.norm = self.norm + norm.double()
        self.tokens += target_tokens

    def into(self, position: Position) -> None:
        """Fetches the sums from the device into the position."""
        position.loss, position.norm, position.tokens = float(self.loss), float(self.norm), self.tokens


def to_perplexity(loss: float, tokens: int) -> float:
    """exp of the mean loss a token; the largest float where that overflows."""
    mean = loss / max(1, tokens)
    return math.exp(min(mean, 700.0))
