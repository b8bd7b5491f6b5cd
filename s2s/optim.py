"""The optimisers, the course of their learning rate, the gradient's limit, and the update that is left out."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer, RMSprop

from s2s.recipe import Recipe


def make_optimizer(parameters: Iterable[nn.Parameter], recipe: Recipe) -> Optimizer:
    """The recipe's optimiser: one kernel an update where PyTorch has it fused, a few over all tensors where not.

    sgd is without momentum, as in the paper; adam and adamw have beta 0.9 and `adam_beta2` and epsilon 1e-8 (Kingma and
    Ba 2015); adamw takes `weight_decay` off every parameter (Loshchilov and Hutter 2019); rmsprop averages over about
    100 updates, epsilon 1e-8; adadelta has rho 0.95 and epsilon 1e-6 (Cho et al. 2014), and wants a learning rate of 1.
    """
    assert recipe.weight_decay == 0 or recipe.optimizer == "adamw", "adamw alone has a weight decay"
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
    raise AssertionError(f"no optimiser {recipe.optimizer}")


def learning_rate(recipe: Recipe, update: int, epoch: float) -> float:
    """The learning rate of one update.

    Args:
        recipe: names the schedule.
        update: updates made before this one; the first `warmup_updates` rise linearly.
        epoch: passes over the data made before this update, with fraction.
    """
    warmup = min(1.0, (update + 1) / (recipe.warmup_updates + 1))
    done = min(1.0, epoch / recipe.epochs)
    match recipe.decay:
        case "cosine":
            factor = (1 + math.cos(math.pi * done)) / 2
        case "linear":
            factor = 1 - done
        case "inverse_sqrt":  # Vaswani et al. 2017, section 5.3, with the rate at its top as the factor
            top = max(1, recipe.warmup_updates)
            factor = math.sqrt(top / max(top, update))
        case "halve":  # "after 5 epochs, we begun halving the learning rate every half epoch": the first at 5 itself
            late = epoch - recipe.halve_after_epochs
            factor = 1.0 if late < 0 else 0.5 ** (1 + math.floor(late / recipe.halve_every_epochs))
        case "constant":
            factor = 1.0
        case _:
            raise AssertionError(f"no decay {recipe.decay}")
    return recipe.learning_rate * warmup * factor


def clip_gradient(parameters: Iterable[nn.Parameter], limit: float) -> Tensor:
    """Scales the gradient of all parameters together to the norm `limit` where it is larger (0: never).

    Sutskever et al. 2014, section 3.4: s = ||g||; where s > 5, g = 5 g / s.

    Returns:
        The norm before, a scalar; not a finite number where training has diverged.
    """
    trained = [parameter for parameter in parameters if parameter.grad is not None]
    norm = nn.utils.get_total_norm([parameter.grad for parameter in trained if parameter.grad is not None])
    if limit > 0:
        nn.utils.clip_grads_with_norm_(trained, limit, norm)
    return norm


def step(optimizer: Optimizer, norm: Tensor) -> None:
    """Makes an update, unless the gradient's norm is no finite number: then weights and optimiser stay as they were.

    The fused kernels look at `found_inf` themselves, on their device, and do nothing where it is 1; Adam takes it off
    its count of updates again. So nobody waits for the norm. The other optimisers have no such switch: the host asks.
    """
    finite = torch.isfinite(norm)
    if not optimizer.defaults.get("fused"):
        if finite:
            optimizer.step()
        return
    optimizer.found_inf = (~finite).to(torch.float32)  # type: ignore[attr-defined]
    optimizer.step()
    del optimizer.found_inf  # type: ignore[attr-defined]
