"""The optimisers, the course of their learning rate, and the gradient's limit."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from s2s.recipe import Recipe


def make_optimizer(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """SGD without momentum, as in the paper, or Adam; one fused kernel an update."""
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[recipe.optimizer]
    return kind(parameters, lr=recipe.learning_rate, fused=True)  # type: ignore[no-any-return]


def learning_rate(recipe: Recipe, update: int, epoch: float) -> float:
    """The learning rate of one update.

    Args:
        recipe: names the schedule.
        update: updates made before this one; the first `warmup_updates` rise linearly.
        epoch: passes over the data made before this update, with fraction.
    """
    warmup = min(1.0, (update + 1) / (recipe.warmup_updates + 1))
    match recipe.decay:
        case "cosine":
            factor = (1 + math.cos(math.pi * min(1.0, epoch / recipe.epochs))) / 2
        case "halve":  # "after 5 epochs, we begun halving the learning rate every half epoch": the first at 5 itself
            late = epoch - recipe.halve_after_epochs
            factor = 1.0 if late < 0 else 0.5 ** (1 + math.floor(late / recipe.halve_every_epochs))
        case _:
            factor = 1.0
    return recipe.learning_rate * warmup * factor


def clip_gradient(parameters: Iterable[nn.Parameter], limit: float) -> Tensor:
    """Scales the gradient of all parameters together to the norm `limit` where it is larger (0: never).

    Sutskever et al. 2014, section 3.4: s = ||g||; where s > 5, g = 5 g / s.

    Returns:
        The norm before, a scalar; not a finite number where training has diverged.
    """
    return nn.utils.clip_grad_norm_(parameters, limit if limit > 0 else math.inf)
