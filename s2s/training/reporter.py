"""Reports of a training's progress to a watcher."""

import resource
import time
from dataclasses import replace

import torch

from s2s.errors import check
from s2s.perplexity import to_perplexity
from s2s.progress import Machine, Status, Watcher
from s2s.training.position import Position
from s2s.training.processes import World

STATUS_SECONDS = 5.0  # between reports, each of which synchronizes a GPU
SKIPPED_UPDATES = 10  # in a row, after which training fails


class Reporter:
    """A maker of reports, which counts what happened since the last one."""

    def __init__(self, watcher: Watcher, world: World, device: torch.device, epochs: float) -> None:
        self.watcher, self.world, self.device, self.epochs = watcher, world, device, epochs
        self.start(Position())

    def start(self, position: Position) -> None:
        """Start counting for the next report at a position."""
        self.counted, self.counted_at = replace(position), time.monotonic()
        self.source_tokens = self.target_tokens = 0

    def add(self, source_tokens: int, target_tokens: int) -> None:
        """Count the tokens of an update."""
        self.source_tokens += source_tokens
        self.target_tokens += target_tokens

    def is_due(self) -> bool:
        """Return whether it is time for a report."""
        return time.monotonic() - self.counted_at >= STATUS_SECONDS

    def report(self, position: Position, epoch: float, rate: float, dev_perplexity: float | None = None) -> None:
        """Report what happened since the last report or, after an evaluation, since the evaluation before.

        Args:
            position: of the training now.
            epoch: passes over the data, with a fraction.
            rate: the learning rate.
            dev_perplexity: of an evaluation that was just made.

        Raises:
            UserError: the last updates were all skipped.
        """
        is_evaluation = dev_perplexity is not None
        before = Position(update=position.evaluated_update) if is_evaluation else self.counted
        updates, steps = position.update - before.update, position.steps - before.steps
        check(
            steps > 0 or not (is_evaluation or updates >= SKIPPED_UPDATES),
            f"update {position.update}: found no finite loss or gradient in the last {updates} updates; "
            "expected training to converge, lower train.learning_rate or train.clip_norm",
        )
        if steps == 0:
            return
        self.remark(position)
        self.watcher.status(
            Status(
                epoch=epoch,
                epochs=self.epochs,
                update=position.update,
                learning_rate=rate,
                train_perplexity=to_perplexity(position.loss - before.loss, position.tokens - before.tokens),
                gradient_norm=(position.norm - before.norm) / steps,
                source_tokens=self.source_tokens,
                target_tokens=self.target_tokens,
                seconds=time.monotonic() - self.counted_at,
                machines=tuple(Machine(*values) for values in self.world.gather(machine(self.device))),
                dev_perplexity=dev_perplexity,
            )
        )
        self.start(position)

    def remark(self, position: Position) -> None:
        """Tell the watcher of skipped updates and of memory that ran out since the last report."""
        skipped = (position.update - self.counted.update) - (position.steps - self.counted.steps)
        if skipped:
            self.watcher.say(f"update {position.update}: skipped {skipped} with a loss or gradient that is not finite")
        if position.piece_tokens != self.counted.piece_tokens:
            self.watcher.say(
                f"update {position.update}: memory ran out; batches are computed in pieces of "
                f"{position.piece_tokens:,} tokens from here on"
            )


def machine(device: torch.device) -> list[float]:
    """Return the fields of this process's `Machine`."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    gpu = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return [used.ru_maxrss / 1024, gpu / 2**20, 100 * time.process_time() / max(1e-3, time.monotonic() - STARTED)]


STARTED = time.monotonic()
