"""The position of a training, with its sums since the last evaluation."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Position:
    """The numbers that a checkpoint keeps beside tensors."""

    epoch: int = 0  # epochs completed
    batch: int = 0  # batches completed in the current epoch
    batches: int = 0  # of the current epoch
    update: int = 0
    evaluated_update: int = 0
    best_epoch: float = 0.0
    best_perplexity: float = math.inf
    evaluations_without_gain: int = 0
    finished: bool = False
    piece_tokens: int = 0  # of a piece of a batch, at most; 0: a batch is one piece
    loss: float = 0.0  # since the last evaluation, summed negative log-likelihood in nats
    tokens: int = 0  # likewise, target tokens
    norm: float = 0.0  # likewise, summed gradient norms
    steps: int = 0  # likewise, updates that were not skipped
    curve: list[dict[str, float]] = field(default_factory=list)

    def take_over(self, batches: int) -> float:
        """Go on in a training that cuts this epoch into another number of batches, with patience anew.

        Returns:
            The epochs that are done.
        """
        self.batch = round(self.batch * batches / (self.batches or batches))
        self.finished, self.evaluations_without_gain = False, 0
        return self.epoch + self.batch / batches

    def forget_sums(self) -> None:
        """Set the sums to zero, after an evaluation."""
        self.loss, self.tokens, self.norm, self.steps = 0.0, 0, 0.0, 0


class Sums:
    """The sums of a position, kept on the device.

    Float sums depend on their order, which reports and resumption must not change.
    """

    def __init__(self, position: Position, device: torch.device) -> None:
        values = [position.loss, position.tokens, position.norm, position.steps]
        self.values = torch.tensor(values, dtype=torch.float64, device=device)

    def add(self, log_loss: Tensor, norm: Tensor, target_tokens: int) -> None:
        """Add an update, unless it was skipped, in float64 to limit rounding."""
        unit = torch.ones_like(log_loss)
        values = torch.stack((log_loss, unit * target_tokens, norm.double(), unit))  # [4]
        self.values += torch.where(norm.isfinite(), values, 0.0)

    def into(self, position: Position) -> None:
        """Copy the sums from the device into a position."""
        position.loss, tokens, position.norm, steps = self.values.tolist()
        position.tokens, position.steps = int(tokens), int(steps)
