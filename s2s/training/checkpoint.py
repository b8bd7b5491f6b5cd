"""Checkpoints: files with everything that training needs to go on exactly where it was, and with what they are of."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from s2s import files
from s2s.errors import UserError, check

POSITION, OF = "position", "of"  # keys of JSON texts in the file's metadata
SUFFIX = ".safetensors"


@dataclass
class Checkpoint:
    """The state of a training."""

    tensors: dict[str, Tensor]  # by name
    position: dict[str, Any]  # fields of `Position`, as JSON values
    of: Mapping[str, Any] = field(default_factory=dict)  # facts of the training, by their names in messages


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


def place(folder: Path, update: int) -> Path:
    """Return the path of the checkpoint of an update."""
    return folder / f"update-{update:010}{SUFFIX}"


def update_of(path: Path) -> int:
    """Return the update of a checkpoint, from its path."""
    return int(path.name.removeprefix("update-").removesuffix(SUFFIX))


def all_of(folder: Path) -> list[Path]:
    """Return the paths of all checkpoints in a folder, in the order of updates."""
    return sorted(folder.glob(f"update-*{SUFFIX}"))


def latest(folder: Path, of: Mapping[str, Any] | None = None) -> Path | None:
    """Return the last good checkpoint in a folder, or None; later ones are removed, with a line on stderr.

    Args:
        folder: of the checkpoints of one training.
        of: facts of the training, of which a checkpoint must be; None: of any.
    """
    for path in reversed(all_of(folder)):
        if not files.intact(path):
            continue
        try:
            others = differences(path, of or {})
        except UserError:
            others = ["kind of file"]
        if not others:
            return path
        print(f"{path}: found another {', '.join(others)}; expected this training's, removes it", file=sys.stderr)
        files.remove(path)
    return None


def keep(folder: Path, update: int, checkpoint: Checkpoint, count: int) -> None:
    """Write the checkpoint of an update into a folder, then delete all but the last `count`.

    Raises:
        OSError: the disk is full; the earlier checkpoints are still there.
    """
    for partial in folder.glob(".update-*.part"):  # a killed run may leave gigabytes
        if files.is_left(partial):
            files.remove(partial)
    save(place(folder, update), checkpoint)
    stay = all_of(folder)[-count:]
    for path in folder.glob("update-*"):
        if path not in stay and path not in map(files.digest_of, stay):
            files.remove(path)


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint and its digest, without touching an earlier one of the same name until they are complete."""
    metadata = {POSITION: files.to_json(checkpoint.position), OF: files.to_json(checkpoint.of)}
    with files.naming(path), files.kept(path) as beside:
        write_tensors(beside, checkpoint.tensors, metadata)


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
        UserError: the file is no checkpoint.
    """
    with opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Checkpoint(tensors, *facts(file))


def differences(path: Path, of: Mapping[str, Any]) -> list[str]:
    """Return the facts in which the training of a checkpoint differs from another, in the order of the latter.

    Raises:
        UserError: the file is no checkpoint.
    """
    with opened(path) as file:
        _, there = facts(file)
    return [key for key, value in of.items() if there.get(key) != value]


def check_fit(path: Path, of: Mapping[str, Any]) -> None:
    """Raise a UserError unless a named file is a whole checkpoint of a training with the given facts."""
    others = differences(path, of)
    check(
        not others,
        f"{path}: found a checkpoint of another {', '.join(others)}; expected the same, or a model's folder as "
        "train.initial_weights",
    )
    fault = files.damage(path)
    check(not fault, f"{path}: {fault}; expected a whole checkpoint, with its digest")


def facts(file: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the position in an open checkpoint, and the facts of its training."""
    metadata = file.metadata() or {}
    if POSITION not in metadata:
        raise ValueError("weights without the state of a training")
    return json.loads(metadata[POSITION]), json.loads(metadata.get(OF, "{}"))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file; errors while it is read become a message of one line."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (OSError, SafetensorError, ValueError) as error:
        raise UserError(
            f"{path}: found no checkpoint ({error}); expected one, as work/train/*/update-*{SUFFIX}"
        ) from None
