"""The training loop: shuffled batches, updates, evaluations, checkpoints, and exact resumption."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s.data.buckets import bucket, mixed
from s2s.data.corpus import EncodedCorpus
from s2s.data.prefetch import prefetched
from s2s.errors import check
from s2s.model.scoring import Evaluation, sentence_log_probs
from s2s.model.seq2seq import Seq2Seq
from s2s.perplexity import to_perplexity
from s2s.progress import Silent, Watcher
from s2s.training import checkpoint
from s2s.training.position import Position, Sums
from s2s.training.processes import World
from s2s.training.recipe import Recipe, learning_rate
from s2s.training.reporter import Reporter
from s2s.training.updater import Share, Updater

OPTIMIZER = "optimizer"  # a fact of a training
FREE = {OPTIMIZER, "model.dropout", "model.init_uniform", "model.initialization"}
"""Facts that may differ between a training and the checkpoint of another that it takes over."""


class StoppedError(Exception):
    """Training was asked to stop, after its state was saved."""


class Trainer:
    """A training of one model on one corpus."""

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
        text: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.recipe, self.seed, self.device = model, recipe, seed, device
        self.train_corpus, self.dev_corpus = train, dev
        self.watcher, self.world, self.stop = watcher or Silent(), world or World(), stop
        self.reporter = Reporter(self.watcher, self.world, device, recipe.epochs)
        self.checkpoint_seconds, self.keep_checkpoints = checkpoint_seconds, keep_checkpoints
        self.updater = Updater(model, recipe, train, seed, device, self.world)
        self.best: dict[str, Tensor] = {}
        network = {f"model.{name}": value for name, value in asdict(model.architecture).items()}
        self.of = {OPTIMIZER: recipe.optimizer} | network | dict(text or {})
        self.stand_at(Position())

    def run(
        self, folder: Path, resume_from: Path | None = None, begin: Callable[[Path | None], None] = lambda start: None
    ) -> Position:
        """Train to the end, or on from the last good checkpoint, and leave the best weights in `model`.

        Args:
            folder: of this training's checkpoints.
            resume_from: a checkpoint of another training to start from if the folder has none.
            begin: is called with the checkpoint that training goes on from; with None it may change the first weights.

        Returns:
            The position at the end, with the learning curve.

        Raises:
            UserError: training has diverged, memory is too small for a single pair, or `resume_from` does not fit.
            StoppedError: `stop` returned True; a later call continues from exactly this point.
        """
        start = self.latest(folder)
        if start is not None:
            self.resume(start)
        elif resume_from is not None:
            self.take_over(resume_from)
        self.check_agreement(folder)
        begin(start or resume_from)
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

    def latest(self, folder: Path) -> Path | None:
        """Return the last good checkpoint of this training, chosen by the first process, or None.

        It is None for a process that does not see the file.
        """
        path = checkpoint.latest(folder, self.of) if self.world.rank == 0 else None
        update = -1 if path is None else checkpoint.update_of(path)
        chosen = checkpoint.place(folder, int(self.world.gather([update])[0][0]))
        return chosen if chosen.exists() else None

    def take_over(self, path: Path) -> None:
        """Load the state of another training's checkpoint, to go on by this recipe.

        Network and text must be the same, so that position, weights and perplexities stay true. Another optimizer
        starts without state, and patience starts anew.

        Raises:
            UserError: the checkpoint is damaged, of another network or text, or not before the end of this training.
        """
        checkpoint.check_fit(path, {name: fact for name, fact in self.of.items() if name not in FREE})
        self.resume(path)
        done, epochs = self.position.take_over(len(self.epoch_batches())), self.recipe.epochs
        check(
            done < epochs, f"{path}: found a training of {done:g} epochs; expected less than train.epochs, {epochs:g}"
        )

    def resume(self, path: Path) -> None:
        """Load the state of a checkpoint.

        Raises:
            UserError: the checkpoint is damaged, or of another model.
        """
        loaded, average = checkpoint.load(path), self.updater.average
        if loaded.of.get(OPTIMIZER) != self.recipe.optimizer:
            loaded.tensors = {key: tensor for key, tensor in loaded.tensors.items() if key.split(".")[0] != OPTIMIZER}
            self.watcher.say(f"{path} is of {loaded.of.get(OPTIMIZER)}; {self.recipe.optimizer} starts without state")
        try:
            checkpoint.restore(loaded.tensors, self.model, self.updater.optimizer)
            if average is not None and (mean := checkpoint.section(loaded.tensors, "average")):
                average.load_state_dict(mean)
            self.stand_at(Position(**loaded.position))
        except (RuntimeError, AssertionError, KeyError, ValueError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            check(False, f"{path}: found another kind of training ({reason}); expected a checkpoint of this model")
        self.best = checkpoint.section(loaded.tensors, "best")

    def stand_at(self, position: Position) -> None:
        """Set the position, from which sums and reports count."""
        self.position, self.sums = position, Sums(position, self.device)
        self.reporter.start(position)

    def fetch(self) -> Position:
        """Return the position with its sums copied from the device, which synchronizes a GPU."""
        self.sums.into(self.position)
        self.position.piece_tokens = self.updater.piece_tokens
        return self.position

    def check_agreement(self, folder: Path) -> None:
        """Check that all processes start from the same checkpoint.

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
        """Write a checkpoint, or tell the watcher if that fails, as on a full disk, and train on."""
        position = asdict(self.fetch())
        self.saved_at = time.monotonic()
        if self.world.rank > 0:
            return
        updater = self.updater
        average = updater.average.state_dict() if updater.average is not None else {}
        tensors = checkpoint.gather(self.model, updater.optimizer, average=average, best=self.best)
        if not math.isfinite(self.position.best_perplexity):
            del position["best_perplexity"]  # JSON has no infinity
        state = checkpoint.Checkpoint(tensors, position, self.of)
        try:
            checkpoint.keep(folder, self.position.update, state, self.keep_checkpoints)
        except OSError as error:
            self.watcher.say(f"update {self.position.update}: found no way to write a checkpoint ({error}); goes on")

    def epoch_batches(self) -> list[NDArray[np.int32]]:
        """Return the batches of the current epoch, which depend only on the corpus, the recipe, seed and epoch."""
        draw = np.random.default_rng((self.seed, self.position.epoch))
        cut = bucket if self.recipe.bucketing else mixed
        return cut(self.train_corpus, self.recipe.batch_sentences, self.recipe.batch_tokens, draw)

    def run_epoch(self, folder: Path) -> None:
        """Train the rest of the current epoch, with its evaluations."""
        position, recipe, batches = self.position, self.recipe, self.epoch_batches()
        last = min(len(batches), math.ceil((recipe.epochs - position.epoch) * len(batches)))
        marks = recipe.evaluation_marks(len(batches)) | {last}
        position.batches = len(batches)

        def epoch() -> float:
            return min(recipe.epochs, position.epoch + position.batch / len(batches))

        self.model.train()
        self.evaluate_if_due(marks, epoch(), folder)  # a run may have been stopped during an evaluation
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
        """Make an update, and add its loss and norm to the sums."""
        log_loss, norm = self.updater.update(share, self.position.update, rate)
        self.sums.add(log_loss, norm, share.target_tokens)
        self.reporter.add(share.source_tokens, share.target_tokens)

    def attend(self, folder: Path, epoch: float, rate: float) -> None:
        """Report, save and stop if it is time to, by the clock of the first process."""
        is_first = self.world.rank == 0
        report, save, stop = self.world.any(
            is_first and self.reporter.is_due(),
            is_first and time.monotonic() - self.saved_at >= self.checkpoint_seconds,
            self.stop(),
        )
        if report or save or stop:
            self.reporter.report(self.fetch(), epoch, rate)
        if save or stop:
            self.save(folder)
        if stop:
            raise StoppedError

    def evaluate_if_due(self, marks: set[int], epoch: float, folder: Path) -> None:
        """Evaluate after each marked batch of an epoch, once, and save."""
        if self.position.batch in marks and self.position.evaluated_update < self.position.update:
            try:
                self.evaluate(epoch)
            except StoppedError:
                self.save(folder)
                raise
            self.save(folder)

    def evaluate(self, epoch: float) -> None:
        """Compute the development perplexity, keep the weights if it is the best, and decide whether to go on."""
        position, recipe = self.position, self.recipe
        rate = learning_rate(recipe, position.update, epoch)
        with self.averaged():
            dev = self.dev_perplexity()
            is_best = dev < position.best_perplexity
            if is_best or not self.best:
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
        if is_best:
            position.best_epoch, position.best_perplexity = epoch, dev
        position.evaluations_without_gain = 0 if is_best else position.evaluations_without_gain + 1
        patience = recipe.patience_epochs * recipe.evaluations_per_epoch
        position.finished = epoch >= recipe.epochs or 0 < patience <= position.evaluations_without_gain
        position.evaluated_update = position.update
        position.forget_sums()
        self.stand_at(position)

    def averaged(self) -> AbstractContextManager[None]:
        """Give the model the averaged weights inside the block, if weights are averaged."""
        return nullcontext() if self.updater.average is None else self.updater.average.in_model()

    def dev_perplexity(self) -> float:
        """Compute the perplexity of the development text, of which each process scores its share."""
        corpus, world = self.dev_corpus, self.world
        log_probs = sentence_log_probs(
            self.model, corpus, self.recipe.batch_tokens, world.rank, world.size, self.leave_if_asked
        )
        total = float(world.sum(torch.from_numpy(log_probs)).sum())
        return Evaluation(total, int(corpus.target.lengths.sum())).perplexity

    def leave_if_asked(self) -> None:
        """Stop during an evaluation, which is repeated later, if training has only one process."""
        if self.world.size == 1 and self.stop():
            raise StoppedError
