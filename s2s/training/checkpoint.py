"""Checkpoints: files with everything that training needs to go on exactly where it was."""

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
    """The state of a training."""

    tensors: dict[str, Tensor]  # by name
    position: dict[str, Any]  # fields of `Position`, as JSON values


def gather(model: nn.Module, optimizer: torch.optim.Optimizer, **sets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return all tensors of a training under distinct names.

    Args:
        model: its weights are named `model.`.
        optimizer: its state is named `optimizer.` with the number of the parameter.
        sets: further tensors, named by the keyword.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items() if tensor is not None}
    for kind, named in sets.items():
        tensors |= {f"{kind}.{name}": tensor for name, tensor in named.items()}
    return tensors


def restore(tensors: dict[str, Tensor], model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Load gathered tensors into a model and its optimizer.

    Raises:
        RuntimeError: the tensors are those of another model.
    """
    model.load_state_dict(section(tensors, "model"))
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in section(tensors, "optimizer").items():
        number, name = key.split(".", 1)
        states.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})


def section(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the tensors whose names start with `name.`, under the rest of their names."""
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}


def latest(folder: Path) -> Path | None:
    """Return the checkpoint of the latest update in a folder, or None."""
    paths = sorted(folder.glob(f"update-*{SUFFIX}"))
    return paths[-1] if paths else None


def keep(folder: Path, update: int, checkpoint: Checkpoint, count: int) -> None:
    """Write the checkpoint of an update into a folder, then delete all but the last `count`.

    Raises:
        OSError: the disk is full; the earlier checkpoints are still there.
    """
    for partial in folder.glob(f".update-*{SUFFIX}.*.part"):  # a killed run may leave gigabytes
        partial.unlink()
    save(folder / f"update-{update:010}{SUFFIX}", checkpoint)
    for old in sorted(folder.glob(f"update-*{SUFFIX}"))[:-count]:
        old.unlink()


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, without touching an earlier one of the same name until the new one is complete."""
    with files.whole(path) as beside, files.naming(path):
        write_tensors(beside, checkpoint.tensors, {POSITION: files.to_json(checkpoint.position)})


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file.

    Raises:
        OSError: writing failed; the exception has the system's error number, but no file name.
    """
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path, metadata)
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from None


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        UserError: the file is damaged or no checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            position = json.loads(file.metadata()[POSITION])
            return Checkpoint({name: file.get_tensor(name) for name in file.keys()}, position)  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: no checkpoint ({error}); expected a whole one, delete it to go on without") from None
