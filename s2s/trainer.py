"""The training loop: batches in a drawn order, updates, evaluations, checkpoints, and exact resumption.

Nothing here prints or tracks: a `Watcher` is told.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s import checkpoint
from s2s.data import EncodedCorpus, bucket, mixed
from s2s.errors import check
from s2s.model import Seq2Seq
from s2s.optim import learning_rate
from s2s.position import Position, Sums, to_perplexity
from s2s.prefetch import prefetched
from s2s.recipe import Recipe
from s2s.scoring import Evaluation, sentence_log_probs
from s2s.status import Reporter, Silent, Watcher
from s2s.updater import Share, Updater
from s2s.world import World


class StoppedError(Exception):
    """Training was asked to stop; all is in the checkpoint."""


class Trainer:
    """Trains one model on one corpus; `run` goes on from the last checkpoint of a folder if there is one."""

    def __init__(
        self,
        model: Seq2Seq,
        recipe: Recipe,
        train: EncodedCorpus,
        dev: EncodedCorpus,
        seed: int,
        device: torch.device,
        watcher: Watcher | None = None,
        world: World | None = None,
        stop: Callable[[], bool] = lambda: False,
        checkpoint_seconds: float = 600.0,
        keep_checkpoints: int = 2,
    ) -> None:
        self.model, self.recipe, self.seed, self.device = model, recipe, seed, device
        self.train_corpus, self.dev_corpus = train, dev
        self.watcher, self.world, self.stop = watcher or Silent(), world or World(), stop
        self.reporter = Reporter(self.watcher, self.world, device, recipe.epochs)
        self.checkpoint_seconds, self.keep_checkpoints = checkpoint_seconds, keep_checkpoints
        self.updater = Updater(model, recipe, train, seed, device, self.world)
        self.best: dict[str, Tensor] = {}
        self.stand_at(Position())

    def run(self, folder: Path, resume_from: Path | None = None) -> Position:
        """Trains to the end, leaving the best weights in `model`; checkpoints go to `folder`.

        Args:
            folder: of this training's checkpoints; it goes on from the last of them.
            resume_from: a checkpoint to start from where the folder has none.

        Raises:
            UserError: training has diverged, or memory does not hold a single pair.
            StoppedError: `stop` said so; a later call goes on exactly here.
        """
        start = checkpoint.latest(folder) or resume_from
        if start is not None:
            self.resume(start)
            self.position.finished &= start != resume_from
        self.check_agreement(folder)
        if not self.position.finished:
            self.updater.piece_tokens = self.position.piece_tokens
            self.watcher.say(str(self.updater.plan()))
            self.position.piece_tokens = self.updater.piece_tokens
            self.reporter.start(self.position)
        self.saved_at = time.monotonic()
        while not self.position.finished and self.position.epoch < self.recipe.epochs:
            self.run_epoch(folder)
        self.model.load_state_dict(self.best)
        return self.position

    def resume(self, path: Path) -> None:
        """Takes up the state that a checkpoint holds.

        Raises:
            UserError: it is damaged, or of another model.
        """
        kept, average = checkpoint.load(path), self.updater.average
        try:
            checkpoint.restore(kept.tensors, self.model, self.updater.optimizer)
            if average is not None and (mean := checkpoint.section(kept.tensors, "average")):
                average.load_state_dict(mean)
            self.stand_at(Position(**kept.position))
        except (RuntimeError, AssertionError, KeyError, ValueError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            check(False, f"{path}: found another kind of training ({reason}); expected a checkpoint of this model")
        self.best = checkpoint.section(kept.tensors, "best")

    def stand_at(self, position: Position) -> None:
        """Goes on from a position: sums and reports count from there."""
        self.position, self.sums = position, Sums(position, self.device)
        self.reporter.start(position)

    def fetch(self) -> Position:
        """The position with what was summed and found out since, for which the device is waited for."""
        self.sums.into(self.position)
        self.position.piece_tokens = self.updater.piece_tokens
        return self.position

    def check_agreement(self, folder: Path) -> None:
        """All processes must start from one checkpoint.

        Raises:
            UserError: they do not.
        """
        position = self.position
        starts = self.world.gather([position.update, position.epoch, position.batch])
        check(
            all(start == starts[0] for start in starts),
            f"{folder}: found checkpoints of updates {[int(start[0]) for start in starts]} on the processes; "
            "expected the same, in a folder that all nodes share",
        )

    def save(self, folder: Path) -> None:
        """Writes the present state; a full disk costs a remark, and no training."""
        position = asdict(self.fetch())
        self.saved_at = time.monotonic()
        if self.world.rank > 0:
            return
        updater = self.updater
        average = updater.average.state_dict() if updater.average is not None else {}
        tensors = checkpoint.gather(self.model, updater.optimizer, average=average, best=self.best)
        if not math.isfinite(self.position.best_perplexity):
            del position["best_perplexity"]  # JSON has no infinity
        kept = checkpoint.Checkpoint(tensors, position)
        try:
            checkpoint.keep(folder, self.position.update, kept, self.keep_checkpoints)
        except OSError as error:
            self.watcher.say(f"update {self.position.update}: found no way to write a checkpoint ({error}); goes on")

    def epoch_batches(self) -> list[NDArray[np.int32]]:
        """The batches of the current epoch, the same whenever and wherever asked: drawn from seed and epoch alone."""
        draw = np.random.default_rng((self.seed, self.position.epoch))
        cut = bucket if self.recipe.bucketing else mixed
        return cut(self.train_corpus, self.recipe.batch_sentences, self.recipe.batch_tokens, draw)

    def run_epoch(self, folder: Path) -> None:
        """The rest of the current epoch, with its evaluations."""
        position, recipe, batches = self.position, self.recipe, self.epoch_batches()
        last = min(len(batches), math.ceil((recipe.epochs - position.epoch) * len(batches)))
        marks = evaluation_marks(len(batches), recipe.evaluations_per_epoch) | {last}

        def epoch() -> float:
            return min(recipe.epochs, position.epoch + position.batch / len(batches))

        self.model.train()
        self.evaluate_if_due(marks, epoch(), folder)  # a run may have been stopped in an evaluation
        with closing(prefetched(self.updater.share, batches[position.batch : last])) as shares:
            for share in shares:
                if position.finished:
                    break
                rate = learning_rate(recipe, position.update, epoch())
                self.update(share, rate)
                position.batch += 1
                position.update += 1
                self.attend(folder, epoch(), rate)
                self.evaluate_if_due(marks, epoch(), folder)
        position.epoch, position.batch = position.epoch + 1, 0

    def update(self, share: Share, rate: float) -> None:
        """Makes one update and sums what it tells."""
        log_loss, norm = self.updater.update(share, self.position.update, rate)
        self.sums.add(log_loss, norm, share.target_tokens)
        self.reporter.add(share.source_tokens, share.target_tokens)

    def attend(self, folder: Path, epoch: float, rate: float) -> None:
        """Reports, saves and stops where it is time to; the first process's clock counts."""
        first = self.world.rank == 0
        report, save, stop = self.world.any(
            first and self.reporter.is_due(),
            first and time.monotonic() - self.saved_at >= self.checkpoint_seconds,
            self.stop(),
        )
        if report or save or stop:
            self.reporter.report(self.fetch(), epoch, rate)
        if save or stop:
            self.save(folder)
        if stop:
            raise StoppedError

    def evaluate_if_due(self, marks: set[int], epoch: float, folder: Path) -> None:
        """Evaluates at the marked batches of an epoch, once at each."""
        if self.position.batch in marks and self.position.evaluated_update < self.position.update:
            try:
                self.evaluate(epoch)
            except StoppedError:
                self.save(folder)
                raise
            self.save(folder)

    def evaluate(self, epoch: float) -> None:
        """Measures the development perplexity, keeps the weights if they are the best, and decides whether to go on."""
        position, recipe = self.position, self.recipe
        rate = learning_rate(recipe, position.update, epoch)
        with self.averaged():
            dev = self.dev_perplexity()
            better = dev < position.best_perplexity
            if better or not self.best:
                self.best = {name: tensor.to("cpu", copy=True) for name, tensor in self.model.state_dict().items()}
        self.reporter.report(self.fetch(), epoch, rate, dev)
        position.curve.append(
            {
                "epoch": epoch,
                "update": position.update,
                "learning_rate": rate,
                "train_perplexity": to_perplexity(position.loss, position.tokens),
                "dev_perplexity": dev,
                "gradient_norm": position.norm / position.steps,
            }
        )
        if better:
            position.best_epoch, position.best_perplexity = epoch, dev
        position.evaluations_without_gain = 0 if better else position.evaluations_without_gain + 1
        patience = recipe.patience_epochs * recipe.evaluations_per_epoch
        position.finished = epoch >= recipe.epochs or 0 < patience <= position.evaluations_without_gain
        position.evaluated_update = position.update
        position.forget_sums()
        self.stand_at(position)

    def averaged(self) -> AbstractContextManager[None]:
        """The model has the averaged weights inside the block, where there are any."""
        return nullcontext() if self.updater.average is None else self.updater.average.in_model()

    def dev_perplexity(self) -> float:
        """The perplexity of the development text; each process scores its part of the sentences."""
        corpus, world = self.dev_corpus, self.world
        log_probs = sentence_log_probs(
            self.model, corpus, self.recipe.batch_tokens, world.rank, world.size, self.leave_if_asked
        )
        total = float(world.sum(torch.from_numpy(log_probs)).sum())
        return Evaluation(total, int(corpus.target.lengths.sum())).perplexity

    def leave_if_asked(self) -> None:
        """Stops in the middle of an evaluation, which will be made again. Several processes end theirs first."""
        if self.world.size == 1 and self.stop():
            raise StoppedError


def evaluation_marks(batches: int, evaluations: int) -> set[int]:
    """After how many of an epoch's batches it is evaluated: evenly spread, the last of them the epoch's end."""
    return {math.ceil(batches * number / evaluations) for number in range(1, evaluations + 1)}
