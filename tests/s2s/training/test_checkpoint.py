"""Checkpoints hold a training's complete state, and damaged ones are refused."""

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from s2s import files
from s2s.errors import UserError
from s2s.training import checkpoint
from s2s.training.checkpoint import Checkpoint
from s2s.training.recipe import make_optimizer
from tests.support import tiny


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, Checkpoint({"a": torch.arange(3)}, {"epoch": 2, "curve": [{"x": 0.1}]}, {"text": "one"}))
    loaded = checkpoint.load(path)
    assert loaded.tensors["a"].tolist() == [0, 1, 2]
    assert loaded.position == {"epoch": 2, "curve": [{"x": 0.1}]}
    assert loaded.of == {"text": "one"}


def shorten(path: Path) -> None:
    os.truncate(path, 200)


def exchange(path: Path) -> None:
    path.unlink()
    path.mkdir()


def weights(path: Path) -> None:
    checkpoint.write_tensors(path, {"a": torch.arange(3)})


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (shorten, r"found no checkpoint \(.*\); expected one, as work/train"),
    "empty": (lambda path: os.truncate(path, 0), r"found no checkpoint \(.*\); expected one, as work/train"),
    "weights": (weights, r"found no checkpoint \(weights without the state of a training\); expected one"),
    "text": (lambda path: path.write_text("{}"), r"found no checkpoint \(.*\); expected one"),
    "a folder": (exchange, r"found no checkpoint \(.*\); expected one"),
    "absent": (Path.unlink, r"found no checkpoint \(.*\); expected one"),
    "without its digest": (
        lambda path: files.digest_of(path).unlink(),
        r"found no checkpoint.safetensors.sha256 beside it; expected a whole checkpoint",
    ),
    "flipped": (
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),
        "found other bytes than were written; expected a whole checkpoint",
    ),
    "of another text": (
        lambda path: checkpoint.save(path, Checkpoint({}, {}, {"text": "another", "network": "one"})),
        "found a checkpoint of another text; expected the same, or a model's folder as train.initial_weights",
    ),
}


@pytest.mark.parametrize(("damage", "message"), REFUSED.values(), ids=list(REFUSED))
def test_a_named_file_that_does_not_fit_is_refused(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    path, of = tmp_path / "checkpoint.safetensors", {"network": "one", "text": "one"}
    checkpoint.save(path, Checkpoint({"a": torch.arange(300)}, {}, of))
    checkpoint.check_fit(path, of)
    damage(path)
    with pytest.raises(UserError, match=rf"checkpoint\.safetensors: {message}"):
        checkpoint.check_fit(path, of)


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


def keep(folder: Path, update: int, count: int, text: str = "one") -> None:
    checkpoint.keep(folder, update, Checkpoint({"a": torch.tensor(update)}, {}, {"text": text}), count)


def test_of_those_that_are_there_the_last_good_one_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for update in (1, 2, 3, 4, 5):
        keep(tmp_path, update, 9, "another" if update == 3 else "one")
    paths = [checkpoint.place(tmp_path, update) for update in (1, 2, 3, 4, 5)]
    os.truncate(paths[4], 0)
    paths[3].write_bytes(paths[3].read_bytes()[:-1] + b"x")
    assert checkpoint.latest(tmp_path, {"text": "one"}) == paths[1]
    assert capsys.readouterr().err.splitlines() == [
        f"{paths[4]}: found other bytes than were written; expected a whole file, removes it",
        f"{paths[3]}: found other bytes than were written; expected a whole file, removes it",
        f"{paths[2]}: found another text; expected this training's, removes it",
    ]
    assert checkpoint.all_of(tmp_path) == paths[:2]
    keep(tmp_path, 6, 2)
    assert sorted(tmp_path.iterdir()) == sorted(
        name for path in (paths[1], checkpoint.place(tmp_path, 6)) for name in (path, files.digest_of(path))
    )


def test_the_last_few_are_kept_and_the_latest_is_found(tmp_path: Path) -> None:
    assert checkpoint.latest(tmp_path) is None
    for update in (9, 10, 11, 100):
        keep(tmp_path, update, count=2)
    assert [path.name for path in checkpoint.all_of(tmp_path)] == [f"update-{n:010}.safetensors" for n in (11, 100)]
    assert len(list(tmp_path.iterdir())) == 4
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
    assert checkpoint.latest(tmp_path) == checkpoint.place(tmp_path, 1)
    assert not list(tmp_path.glob(".*"))
