"""The group of processes that train one model together, and the exact sum of their gradients."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

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


BUCKET_BYTES = 25 << 20  # smaller buckets cost latency, larger ones overlap less (Li et al. 2020, PyTorch DDP)


@dataclass
class Bucket:
    """Gradients in one block of memory, summed together."""

    flat: Tensor  # [elements of all its parameters]
    parameters: list[nn.Parameter]
    missing: int = 0  # gradients that the current backward pass has not computed yet


class GradientSum:
    """The gradient of an update, summed over all backward passes of all processes.

    With DistributedDataParallel, a process that runs out of memory in a backward pass would leave the others waiting
    for ever, and all processes would have to make equally many passes. Here every process sends its buckets in the
    same order in any case, and failures are shared afterwards.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], world: World, bucket_bytes: int = BUCKET_BYTES) -> None:
        self.parameters, self.is_alone = list(parameters), world.size == 1
        self.buckets = [] if self.is_alone else list(fill(self.parameters, bucket_bytes))
        self.bucket_of = {parameter: bucket for bucket in self.buckets for parameter in bucket.parameters}
        self.sent: list[dist.Work] = []
        self.is_last = False
        for parameter in self.bucket_of:
            parameter.register_post_accumulate_grad_hook(self.accumulated)  # type: ignore[no-untyped-call]

    def start(self) -> None:
        """Clear the gradient of the update before."""
        self.sent, self.is_last = [], False
        if self.is_alone:
            for parameter in self.parameters:
                parameter.grad = None
        for bucket in self.buckets:
            bucket.flat.zero_()
            bucket.missing = len(bucket.parameters)

    def expect_last(self) -> None:
        """Announce this process's last backward pass, so that buckets are sent as soon as they are complete."""
        self.is_last = True

    def accumulated(self, parameter: Tensor) -> None:
        """Send the buckets that are complete, when autograd has computed a parameter's gradient."""
        if not self.is_last:
            return
        self.bucket_of[parameter].missing -= 1  # type: ignore[index]
        while len(self.sent) < len(self.buckets) and self.buckets[len(self.sent)].missing == 0:
            self.send()

    def finish(self) -> None:
        """Send the remaining buckets, and wait until the gradients are the sums of all processes."""
        while len(self.sent) < len(self.buckets):
            self.send()
        for work in self.sent:
            work.wait()

    def send(self) -> None:
        """Send the next bucket, in the same order on all processes."""
        work = dist.all_reduce(self.buckets[len(self.sent)].flat, async_op=True)
        assert work is not None
        self.sent.append(work)


def fill(parameters: list[nn.Parameter], bucket_bytes: int) -> Iterable[Bucket]:
    """Yield buckets of parameters, the last parameters first, because their gradients are computed first."""
    waiting: list[nn.Parameter] = []
    for parameter in reversed(parameters):
        waiting.append(parameter)
        waiting_bytes = sum(waiter.numel() * waiter.element_size() for waiter in waiting)
        if parameter is parameters[0] or waiting_bytes >= bucket_bytes:
            yield make_bucket(waiting)
            waiting = []


def make_bucket(parameters: list[nn.Parameter]) -> Bucket:
    """Make a bucket, and make the parameters' gradients views of its memory."""
    sizes = [parameter.numel() for parameter in parameters]
    flat = parameters[0].new_zeros(sum(sizes))
    parts = torch.split(flat, sizes)
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)
    return Bucket(flat, parameters)
