"""Where training stands, and what it has summed since its last evaluation."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Position:
    """What a checkpoint keeps beside tensors."""

    epoch: int = 0  # epochs completed
    batch: int = 0  # batches completed in the current epoch
    update: int = 0
    evaluated_update: int = 0
    best_epoch: float = 0.0
    best_perplexity: float = math.inf
    evaluations_without_gain: int = 0
    finished: bool = False
    piece_tokens: int = 0  # batches are computed in pieces of at most so many tokens; 0: in one piece
    loss: float = 0.0  # since the last evaluation: summed negative log-likelihood, nats
    tokens: int = 0  # ... target tokens
    norm: float = 0.0  # ... summed gradient norms
    steps: int = 0  # ... updates that were not skipped
    curve: list[dict[str, float]] = field(default_factory=list)

    def forget_sums(self) -> None:
        """An evaluation was made: what is summed starts anew."""
        self.loss, self.tokens, self.norm, self.steps = 0.0, 0, 0.0, 0


class Sums:
    """What updates add to the position, left on the device until asked for.

    Float sums depend on their order: reports and resumption must not change how these are added up.
    """

    def __init__(self, position: Position, device: torch.device) -> None:
        values = [position.loss, position.tokens, position.norm, position.steps]
        self.values = torch.tensor(values, dtype=torch.float64, device=device)

    def add(self, log_loss: Tensor, norm: Tensor, target_tokens: int) -> None:
        """Adds one update, unless it was skipped; in float64, so that the sum of many hardly rounds."""
        one = torch.ones_like(log_loss)
        values = torch.stack((log_loss, one * target_tokens, norm.double(), one))  # [4]
        self.values += torch.where(norm.isfinite(), values, 0.0)

    def into(self, position: Position) -> None:
        """Fetches the sums from the device into the position."""
        position.loss, tokens, position.norm, steps = self.values.tolist()
        position.tokens, position.steps = int(tokens), int(steps)


def to_perplexity(loss: float, tokens: int) -> float:
    """exp of the mean loss a token; the largest float where that overflows."""
    mean = loss / max(1, tokens)
    return math.exp(min(mean, 700.0))
