"""Checkpoints: whole or refused, and complete."""

from pathlib import Path

import pytest
import torch

from s2s import checkpoint
from s2s.checkpoint import Checkpoint
from s2s.errors import UserError
from s2s.optim import make_optimizer
from tests import tiny


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, Checkpoint({"a": torch.arange(3)}, {"epoch": 2, "curve": [{"x": 0.1}]}))
    loaded = checkpoint.load(path)
    assert loaded.tensors["a"].tolist() == [0, 1, 2]
    assert loaded.position == {"epoch": 2, "curve": [{"x": 0.1}]}


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, Checkpoint({"a": torch.arange(300)}, {}))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"checkpoint\.safetensors: no checkpoint .*; expected a whole one"):
        checkpoint.load(path)


def test_weights_optimizer_and_random_state_come_back() -> None:
    model, device = tiny.network(), torch.device("cpu")
    optimizer = make_optimizer(model.parameters(), tiny.recipe())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    best = {"weight": torch.ones(2)}
    tensors = {name: tensor.clone() for name, tensor in checkpoint.gather(model, best, optimizer, device).items()}
    drawn = torch.rand(3)

    other = tiny.network(seed=2)
    fresh = make_optimizer(other.parameters(), tiny.recipe())
    assert torch.equal(checkpoint.restore(tensors, other, fresh, device)["weight"], best["weight"])
    assert torch.equal(torch.rand(3), drawn)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    for mine, theirs in zip(optimizer.state.values(), fresh.state.values(), strict=True):
        assert all(torch.equal(mine[name], theirs[name]) for name in ("step", "exp_avg", "exp_avg_sq"))
