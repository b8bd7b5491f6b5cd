"""The group of processes that train one model together."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE = timedelta(days=2)  # the first process may wait for another training; sockets reveal a lost process at once


@dataclass(frozen=True)
class World:
    """This process's view of the process group; with one process, collectives return its own values."""

    rank: int = 0
    size: int = 1

    def any(self, *flags: bool) -> list[bool]:
        """Return for each flag whether any process raised it.

        The CPUs exchange flags through gloo, so that no GPU is synchronized, which runs several updates behind.
        """
        if self.size == 1:
            return list(flags)
        votes = torch.tensor(flags, dtype=torch.uint8)
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return [bool(vote) for vote in votes]

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over all processes, in place and on its device, and return it."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def gather(self, values: Sequence[float]) -> list[list[float]]:
        """Return the values of every process in the order of ranks, equally many from each."""
        own = torch.tensor(values, dtype=torch.float64)
        if self.size == 1:
            return [own.tolist()]
        gathered = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(gathered, own)
        return [tensor.tolist() for tensor in gathered]


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Join the processes that torchrun started, or yield a group of one without torchrun."""
    if "WORLD_SIZE" not in os.environ:
        yield World()
        return
    if device.type == "cuda":  # `device_id` connects now, while there is memory, and not in the first backward pass
        gpu = torch.device("cuda", torch.cuda.current_device())
        dist.init_process_group("cpu:gloo,cuda:nccl", timeout=PATIENCE, device_id=gpu)
    else:
        dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    except SystemExit:  # all processes were asked to stop
        dist.destroy_process_group()
        raise
    dist.destroy_process_group()  # not after an error: NCCL and the other processes would wait for each other
