"""What training tells whoever watches it, and when; nothing here decides a weight."""

import resource
import time
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from s2s.errors import check
from s2s.position import Position, to_perplexity
from s2s.world import World

STATUS_SECONDS = 5.0  # a report asks the device for numbers, and so waits for it
SKIPPED_UPDATES = 10  # in a row: then training is given up


@dataclass(frozen=True)
class Machine:
    """What one process of a training used."""

    memory_mb: float  # the most that was resident at a time
    gpu_memory_mb: float  # the most that was allocated at a time; 0 without a GPU
    cpu_percent: float  # of one core, since the process started


@dataclass(frozen=True)
class Status:
    """Where training stands, now and then and after each evaluation."""

    epoch: float
    epochs: float
    update: int
    learning_rate: float
    train_perplexity: float  # since the last status; after an evaluation, since the one before
    gradient_norm: float  # likewise, a mean
    source_tokens: int  # since the last status
    target_tokens: int  # likewise, with </s>
    seconds: float  # likewise
    machines: tuple[Machine, ...]  # by rank
    dev_perplexity: float | None = None  # after an evaluation


class Watcher(Protocol):
    """Shows and records what it is told."""

    def status(self, status: Status) -> None:
        """Takes numbers."""

    def say(self, text: str) -> None:
        """Takes a remark in words that a person should see."""


class Silent:
    """Nobody watches."""

    def status(self, status: Status) -> None:
        """Takes numbers."""

    def say(self, text: str) -> None:
        """Takes a remark."""


class Reporter:
    """Counts between reports and tells a watcher."""

    def __init__(self, watcher: Watcher, world: World, device: torch.device, epochs: float) -> None:
        self.watcher, self.world, self.device, self.epochs = watcher, world, device, epochs
        self.start(Position())

    def start(self, position: Position) -> None:
        """From here on the next report counts."""
        self.counted, self.counted_at = replace(position), time.monotonic()
        self.source_tokens = self.target_tokens = 0

    def add(self, source_tokens: int, target_tokens: int) -> None:
        """Counts the tokens of an update."""
        self.source_tokens += source_tokens
        self.target_tokens += target_tokens

    def is_due(self) -> bool:
        """Whether it is time for a report."""
        return time.monotonic() - self.counted_at >= STATUS_SECONDS

    def report(self, position: Position, epoch: float, rate: float, dev_perplexity: float | None = None) -> None:
        """Tells what came since the last report or, after an evaluation, since the one before.

        Raises:
            UserError: no update of late could be made.
        """
        evaluated = dev_perplexity is not None
        before = Position(update=position.evaluated_update) if evaluated else self.counted
        updates, steps = position.update - before.update, position.steps - before.steps
        check(
            steps > 0 or not (evaluated or updates >= SKIPPED_UPDATES),
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
        """Says what went wrong since the last report and was overcome."""
        skipped = (position.update - self.counted.update) - (position.steps - self.counted.steps)
        if skipped:
            self.watcher.say(f"update {position.update}: skipped {skipped} with a loss or gradient that is not finite")
        if position.piece_tokens != self.counted.piece_tokens:
            self.watcher.say(
                f"update {position.update}: memory ran out; batches are computed in pieces of "
                f"{position.piece_tokens:,} tokens from here on"
            )


def machine(device: torch.device) -> list[float]:
    """The fields of this process's `Machine`."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    gpu = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return [used.ru_maxrss / 1024, gpu / 2**20, 100 * time.process_time() / max(1e-3, time.monotonic() - STARTED)]


STARTED = time.monotonic()
