"""Sums of the gradients of all processes, made for the last layers while the first are still computed."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from s2s.world import World

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
