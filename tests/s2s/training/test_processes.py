"""Training in two processes has the losses, updates and decisions of one process, even if one of the two fails."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from s2s.data.corpus import EncodedCorpus
from s2s.errors import UserError
from s2s.model.loss import linear_cross_entropy
from s2s.progress import Status
from s2s.training import checkpoint, updater
from s2s.training.processes import GradientSum, World
from s2s.training.trainer import StoppedError, Trainer
from tests.support import processes, tiny

pytestmark = pytest.mark.process

CPU = torch.device("cpu")
RECIPE = {"epochs": 2.0, "optimizer": "adam", "evaluations_per_epoch": 2, "average_updates": 4}


class Notes:
    """A watcher that records remarks."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def status(self, status: Status) -> None:
        """Ignore numbers."""

    def say(self, text: str) -> None:
        """Record a remark."""
        self.remarks.append(text)


def trainer(folder: Path, world: World, **changes: Any) -> tuple[Trainer, Notes]:
    notes = Notes()
    model = tiny.network(hidden=16, embedding=8)
    recipe = tiny.recipe(**RECIPE | changes)
    train, dev = (EncodedCorpus.open(folder, split) for split in ("train", "dev"))
    return Trainer(model, recipe, train, dev, 1, CPU, notes, world, checkpoint_seconds=0.0), notes


def weights(made: Trainer) -> list[float]:
    return [float(parameter.double().sum()) for parameter in made.model.parameters()]


def train(folder: Path, name: str, world: World, **changes: Any) -> dict[str, Any]:
    made, notes = trainer(folder, world, **changes)
    position = made.run(folder / name)
    return {"curve": position.curve, "updates": position.update, "weights": weights(made), "remarks": notes.remarks}


def whole(world: World, folder: Path) -> dict[str, Any]:
    return train(folder, "whole", world)


def truncated(world: World, folder: Path) -> dict[str, Any]:
    return train(folder, "truncated", world, bptt_tokens=2)


def summed(world: World, folder: Path) -> dict[str, Any]:
    """Use one bucket for each parameter, so that buckets are sent while gradients are still computed."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.5)
    gradients = GradientSum(model.parameters(), world, bucket_bytes=1)
    gradients.start()
    for number in range(2):
        if number == 1:
            gradients.expect_last()
        torch.autograd.backward(model(torch.full((1, 3), world.rank + number + 1.0)).sum())
    sent_meanwhile = len(gradients.sent)
    gradients.finish()
    return {
        "sent": sent_meanwhile,
        "gradients": [parameter.grad.tolist() for parameter in model.parameters() if parameter.grad is not None],
    }


def spoilt(world: World, folder: Path) -> dict[str, Any]:
    """Make the loss of the second process NaN in two updates."""
    count = iter(range(10_000))

    def not_a_number(*arguments: Any, **named: Any) -> Any:
        loss, log_loss = linear_cross_entropy(*arguments, **named)
        return loss * (math.nan if world.rank == 1 and next(count) in {3, 4} else 1.0), log_loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(updater, "linear_cross_entropy", not_a_number)
        return train(folder, "spoilt", world)


def exhausted(world: World, folder: Path) -> dict[str, Any]:
    """Make memory run out in large backward passes of the second process."""

    def limited(states: torch.Tensor, *arguments: Any, **named: Any) -> Any:
        loss, log_loss = linear_cross_entropy(states, *arguments, **named)
        if world.rank == 1 and len(states) > 30:
            loss.register_hook(run_out)  # type: ignore[no-untyped-call]
        return loss, log_loss

    def run_out(_: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(updater, "linear_cross_entropy", limited)
        return train(folder, "exhausted", world)


def stopped(world: World, folder: Path) -> dict[str, Any]:
    """Ask one process to stop, then go on with one process alone."""
    made, _ = trainer(folder, world)
    made.stop = lambda: world.rank == 1 and made.position.update == 5
    with pytest.raises(StoppedError):
        made.run(folder / "stopped")
    result = {"updates": made.position.update, "batch": made.position.batch}
    world.any(False)
    if world.rank == 0:
        result["curve"] = train(folder, "stopped", World())["curve"]
    return result


def apart(world: World, folder: Path) -> dict[str, Any]:
    """Hide the checkpoints of the first process from the second."""
    made, _ = trainer(folder, world)
    with pytest.raises(UserError) as refused:
        made.run(folder / ("whole" if world.rank == 0 else "elsewhere"))
    return {"message": str(refused.value)}


SCENES = (whole, truncated, summed, spoilt, exhausted, stopped, apart)


def scenes(world: World, folder: Path) -> None:
    """Play all scenes in one pair of processes, because starting them takes seconds."""
    for scene in SCENES:
        (folder / f"{scene.__name__}-{world.rank}.json").write_text(json.dumps(scene(world, folder)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all scenes in two processes, and return the folder of their results."""
    place = tmp_path_factory.mktemp("two")
    # The last batch of a bucket may have a single pair, which leaves none for the second process.
    tiny.digits(place, "train", 97, seed=1)
    tiny.digits(place, "dev", 30, seed=2)
    processes.run(scenes, 2, place)
    return place


def played(folder: Path, scene: str) -> list[dict[str, Any]]:
    return [json.loads((folder / f"{scene}-{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.parametrize(("scene", "changes"), [("whole", {}), ("truncated", {"bptt_tokens": 2})])
def test_two_processes_train_to_the_losses_of_one(
    folder: Path, tmp_path: Path, scene: str, changes: dict[str, Any]
) -> None:
    torch.set_num_threads(1)
    made, _ = trainer(folder, World(), **changes)
    alone = made.run(tmp_path / "alone")
    first, second = played(folder, scene)
    assert first["curve"] == second["curve"]
    assert first["weights"] == second["weights"]
    assert first["updates"] == alone.update
    for mine, theirs in zip(alone.curve, first["curve"], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)


def test_gradients_are_sums_and_sent_while_others_are_computed(folder: Path) -> None:
    first, second = played(folder, "summed")
    assert first["gradients"] == second["gradients"]
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.5)
    torch.autograd.backward(sum(model(torch.full((1, 3), value)).sum() for value in (1.0, 2.0, 2.0, 3.0)))
    assert first["gradients"] == [
        parameter.grad.tolist() for parameter in model.parameters() if parameter.grad is not None
    ]
    assert first["sent"] == len(list(model.parameters()))


def test_all_skip_the_batch_that_one_cannot_use(folder: Path) -> None:
    first, second = played(folder, "spoilt")
    assert first["weights"] == second["weights"] != played(folder, "whole")[0]["weights"]
    assert sum(int(count) for remark in first["remarks"] for count in re.findall(r"skipped (\d+) with", remark)) == 2


def test_all_cut_smaller_when_one_runs_out_of_memory(folder: Path) -> None:
    first, second = played(folder, "exhausted")
    assert first["weights"] == second["weights"]
    assert "in pieces of" in first["remarks"][0]
    for mine, theirs in zip(played(folder, "whole")[0]["curve"], first["curve"], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)


def test_all_stop_at_one_update_and_one_alone_goes_on_there(folder: Path) -> None:
    first, second = played(folder, "stopped")
    assert (first["updates"], first["batch"]) == (second["updates"], second["batch"]) == (5, first["batch"])
    for mine, theirs in zip(played(folder, "whole")[0]["curve"], first["curve"], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)


def test_processes_that_see_other_checkpoints_are_refused(folder: Path) -> None:
    for result in played(folder, "apart"):
        assert re.search(
            r"found checkpoints of updates \[\d+, 0\] on the processes; expected the same", result["message"]
        )


def test_one_process_writes_the_checkpoints(folder: Path) -> None:
    assert checkpoint.latest(folder / "whole") is not None
    assert len(checkpoint.all_of(folder / "whole")) == 2
