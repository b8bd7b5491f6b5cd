"""Everything that training needs to go on exactly where it was: a folder of files, each whole or absent."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from s2s import files
from s2s.errors import UserError

POSITION = "position"  # key of the JSON text in the file's metadata
SUFFIX = ".safetensors"


@dataclass
class Checkpoint:
    """The tensors by name, and the position in the data with what was seen so far, as JSON values."""

    tensors: dict[str, Tensor]
    position: dict[str, Any]


def gather(model: nn.Module, optimizer: torch.optim.Optimizer, **others: dict[str, Tensor]) -> dict[str, Tensor]:
    """All tensors of a training under one set of names; `others` are named sets beside model and optimiser."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items() if tensor is not None}
    for kind, named in others.items():
        tensors |= {f"{kind}.{name}": tensor for name, tensor in named.items()}
    return tensors


def restore(tensors: dict[str, Tensor], model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Puts gathered tensors of model and optimiser back in place.

    Raises:
        RuntimeError: they are those of another model.
    """
    model.load_state_dict(section(tensors, "model"))
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in section(tensors, "optimizer").items():
        number, name = key.split(".", 1)
        states.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})


def section(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors whose names start with `name.`, without it."""
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}


def latest(folder: Path) -> Path | None:
    """The checkpoint of the most updates in a folder."""
    found = sorted(folder.glob(f"update-*{SUFFIX}"))
    return found[-1] if found else None


def keep(folder: Path, update: int, checkpoint: Checkpoint, count: int) -> None:
    """Writes the checkpoint of an update into a folder, then deletes all but the last `count`.

    Raises:
        OSError: there is no room; those that were there are still there.
    """
    for left in folder.glob(f".update-*{SUFFIX}.*.part"):  # of a killed run: gigabytes maybe
        left.unlink()
    save(folder / f"update-{update:010}{SUFFIX}", checkpoint)
    for old in sorted(folder.glob(f"update-*{SUFFIX}"))[:-count]:
        old.unlink()


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint; one that is there already stays until the new one is whole."""
    with files.whole(path) as beside, files.naming(path):
        write_tensors(beside, checkpoint.tensors, {POSITION: files.to_json(checkpoint.position)})


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Writes a safetensors file.

    Raises:
        OSError: with the system's number, as of any other file; it names none.
    """
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path, metadata)
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from None


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
        raise UserError(f"{path}: no checkpoint ({error}); expected a whole one, delete it to go on without") from None
