"""Settings of a training, optimizers, learning rate schedules, gradient clipping, and the skipping of an update."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer, RMSprop


@dataclass(frozen=True)
class Recipe:
    """All settings that decide the weights, apart from model, text and seed, explained in params.yaml."""

    optimizer: str
    learning_rate: float
    adam_beta2: float
    weight_decay: float
    warmup_updates: int
    decay: str
    halve_after_epochs: float
    halve_every_epochs: float
    epochs: float
    patience_epochs: int
    evaluations_per_epoch: int
    average_updates: int
    batch_sentences: int
    batch_tokens: int
    bucketing: bool
    clip_norm: float
    normalize_loss: str
    label_smoothing: float
    bptt_tokens: int
    mixed_precision: bool
    memory_gb: float

    def evaluation_marks(self, batches: int) -> set[int]:
        """Return the batch counts of an epoch at which to evaluate, evenly spread up to the epoch's end."""
        count = self.evaluations_per_epoch
        return {math.ceil(batches * number / count) for number in range(1, count + 1)}


def make_optimizer(parameters: Iterable[nn.Parameter], recipe: Recipe) -> Optimizer:
    """Make the recipe's optimizer, with one fused kernel an update if PyTorch has it.

    sgd has no momentum, as in the paper. adam and adamw have betas 0.9 and `adam_beta2` and epsilon 1e-8 (Kingma and Ba
    2015); adamw applies `weight_decay` to every parameter (Loshchilov and Hutter 2019). rmsprop averages over about 100
    updates, with epsilon 1e-8. adadelta has rho 0.95 and epsilon 1e-6 (Cho et al. 2014) and needs a learning rate of 1.
    """
    assert recipe.weight_decay == 0 or recipe.optimizer == "adamw", "only adamw has a weight decay"
    rate, betas = recipe.learning_rate, (0.9, recipe.adam_beta2)
    match recipe.optimizer:
        case "sgd":
            return SGD(parameters, rate, fused=True)
        case "adam":
            return Adam(parameters, rate, betas, fused=True)
        case "adamw":
            return AdamW(parameters, rate, betas, weight_decay=recipe.weight_decay, fused=True)
        case "rmsprop":
            return RMSprop(parameters, rate, alpha=0.99, foreach=True)
        case "adadelta":
            return Adadelta(parameters, rate, rho=0.95, eps=1e-6, foreach=True)
    raise AssertionError(f"no optimizer {recipe.optimizer}")


def learning_rate(recipe: Recipe, update: int, epoch: float) -> float:
    """Return the learning rate of an update.

    Args:
        recipe: the rate and its schedule; in the first `warmup_updates` updates it rises linearly.
        update: number of updates before this one.
        epoch: passes over the data before this update, with a fraction.
    """
    warmup = min(1.0, (update + 1) / (recipe.warmup_updates + 1))
    done = min(1.0, epoch / recipe.epochs)
    match recipe.decay:
        case "cosine":
            factor = (1 + math.cos(math.pi * done)) / 2
        case "linear":
            factor = 1 - done
        case "inverse_sqrt":  # Vaswani et al. 2017, section 5.3, scaled to 1 at its maximum
            top = max(1, recipe.warmup_updates)
            factor = math.sqrt(top / max(top, update))
        case "halve":  # section 3.4: "after 5 epochs, we begun halving the learning rate every half epoch", at 5 first
            late = epoch - recipe.halve_after_epochs
            factor = 1.0 if late < 0 else 0.5 ** (1 + math.floor(late / recipe.halve_every_epochs))
        case "constant":
            factor = 1.0
        case _:
            raise AssertionError(f"no decay {recipe.decay}")
    return recipe.learning_rate * warmup * factor


def clip_gradient(parameters: Iterable[nn.Parameter], limit: float) -> Tensor:
    """Scale the gradient of all parameters to the norm `limit` if it is larger, and return its norm before.

    Sutskever et al. 2014, section 3.4: s = ||g||; if s > 5, g = 5 g / s. The norm is not finite if training has
    diverged.

    Args:
        parameters: all parameters; the norm is that of all their gradients together.
        limit: the largest norm; 0: none.
    """
    trained = [parameter for parameter in parameters if parameter.grad is not None]
    norm = nn.utils.get_total_norm([parameter.grad for parameter in trained if parameter.grad is not None])
    if limit > 0:
        nn.utils.clip_grads_with_norm_(trained, limit, norm)
    return norm


def step(optimizer: Optimizer, norm: Tensor) -> None:
    """Make an update, unless the gradient's norm is not finite.

    In that case weights and optimizer keep their state. Fused kernels read `found_inf` on their device and do nothing
    if it is 1 (Adam then also takes back its count of updates), so a GPU is not synchronized. For the other optimizers
    the CPU reads the norm.
    """
    is_finite = torch.isfinite(norm)
    if not optimizer.defaults.get("fused"):
        if is_finite:
            optimizer.step()
        return
    optimizer.found_inf = (~is_finite).to(torch.float32)  # type: ignore[attr-defined]
    optimizer.step()
    del optimizer.found_inf  # type: ignore[attr-defined]
