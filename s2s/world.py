"""The processes that train one model together: who they are, and how they agree."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE = timedelta(days=2)  # the first may wait for another training to end; a lost process is noticed by its sockets


@dataclass(frozen=True)
class World:
    """One process's view of all; alone, everything is its own opinion."""

    rank: int = 0
    size: int = 1

    def any(self, *flags: bool) -> list[bool]:
        """For each flag whether some process raised it, the same answer on all.

        Hosts agree among themselves, by gloo, and no GPU is waited for: a GPU runs several updates behind its host.
        """
        if self.size == 1:
            return list(flags)
        votes = torch.tensor(flags, dtype=torch.uint8)
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return [bool(vote) for vote in votes]

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor over all processes, in place, on the tensor's own device."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def gather(self, values: Sequence[float]) -> list[list[float]]:
        """As many numbers of every process, in the order of ranks."""
        mine = torch.tensor(values, dtype=torch.float64)
        if self.size == 1:
            return [mine.tolist()]
        everyone = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(everyone, mine)
        return [theirs.tolist() for theirs in everyone]


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Joins the processes that torchrun started with this one, or stands alone."""
    if "WORLD_SIZE" not in os.environ:
        yield World()
        return
    if device.type == "cuda":  # connected at once, while there is memory for it, and not in the first backward pass
        here = torch.device("cuda", torch.cuda.current_device())
        dist.init_process_group("cpu:gloo,cuda:nccl", timeout=PATIENCE, device_id=here)
    else:
        dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    except SystemExit:  # all were asked to stop
        dist.destroy_process_group()
        raise
    dist.destroy_process_group()  # not after an error: NCCL would wait for the others, and they wait for this process
