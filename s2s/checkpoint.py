"""Everything that training needs to go on exactly where it was, in one file that is whole or absent."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from s2s.errors import UserError
from s2s.files import to_json, whole

POSITION = "position"  # key of the JSON text in the file's metadata


@dataclass
class Checkpoint:
    """The tensors by name, and the position in the data with what was seen so far, as JSON values."""

    tensors: dict[str, Tensor]
    position: dict[str, Any]


def gather(
    model: nn.Module, best: dict[str, Tensor], optimizer: torch.optim.Optimizer, device: torch.device
) -> dict[str, Tensor]:
    """All tensors of a training under one set of names."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items() if tensor is not None}
    tensors["random.cpu"] = torch.get_rng_state()
    if device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(device)
    return tensors


def restore(
    tensors: dict[str, Tensor], model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
) -> dict[str, Tensor]:
    """Puts gathered tensors back in place and returns the best weights so far."""
    model.load_state_dict(section(tensors, "model"))
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in section(tensors, "optimizer").items():
        number, name = key.split(".", 1)
        states.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random.cpu"])
    if device.type == "cuda" and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"], device)
    return section(tensors, "best")


def section(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors whose names start with `name.`, without it."""
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint; one that is there already stays until the new one is whole."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    with whole(path) as beside:
        save_file(tensors, beside, {POSITION: to_json(checkpoint.position)})


def load(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        UserError: the file is damaged or no checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            position = json.loads(file.metadata()[POSITION])
            return Checkpoint({name: file.get_tensor(name) for name in file.keys()}, position)  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: no checkpoint ({error}); expected a whole one, delete it to start anew") from None
