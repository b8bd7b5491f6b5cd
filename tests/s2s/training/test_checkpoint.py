"""Checkpoints hold a training's complete state, and damaged ones are refused."""

import resource
from pathlib import Path

import pytest
import torch

from s2s.errors import UserError
from s2s.training import checkpoint
from s2s.training.checkpoint import Checkpoint
from s2s.training.recipe import make_optimizer
from tests.support import tiny


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


def test_weights_optimizer_and_what_else_was_named_come_back() -> None:
    model = tiny.network()
    optimizer = make_optimizer(model.parameters(), tiny.recipe())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    tensors = checkpoint.gather(model, optimizer, best={"weight": torch.ones(2)}, average={})

    restored = tiny.network(seed=2)
    fresh = make_optimizer(restored.parameters(), tiny.recipe())
    checkpoint.restore({name: tensor.clone() for name, tensor in tensors.items()}, restored, fresh)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), restored.parameters(), strict=True))
    for mine, theirs in zip(optimizer.state.values(), fresh.state.values(), strict=True):
        assert all(torch.equal(mine[name], theirs[name]) for name in ("step", "exp_avg", "exp_avg_sq"))
    assert checkpoint.section(tensors, "best")["weight"].tolist() == [1, 1]
    assert checkpoint.section(tensors, "average") == {}


def keep(folder: Path, update: int, count: int) -> None:
    checkpoint.keep(folder, update, Checkpoint({"a": torch.tensor(update)}, {}), count)


def test_the_last_few_are_kept_and_the_latest_is_found(tmp_path: Path) -> None:
    assert checkpoint.latest(tmp_path) is None
    for update in (9, 10, 11, 100):
        keep(tmp_path, update, count=2)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"update-{n:010}.safetensors" for n in (11, 100)]
    latest = checkpoint.latest(tmp_path)
    assert latest is not None
    assert checkpoint.load(latest).tensors["a"].item() == 100


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".update-0000000003.safetensors.0123.part"
    left.write_bytes(b"half")
    keep(tmp_path, 4, count=2)
    assert not left.exists()


def test_without_room_those_that_are_there_stay(tmp_path: Path) -> None:
    keep(tmp_path, 1, count=1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: .*update-0000000002\.safetensors"):
            checkpoint.keep(tmp_path, 2, Checkpoint({"a": torch.zeros(10_000)}, {}), 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["update-0000000001.safetensors"]
