"""Sums the gradients of all processes, those of the last layers while the first are still computed."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from s2s.world import World

BUCKET_BYTES = 25 << 20  # sent together: fewer cost latency, more leave less to overlap (Li et al. 2020, PyTorch DDP)


@dataclass
class Bucket:
    """Gradients that lie in a row in memory and are sent as one."""

    flat: Tensor  # [numbers of all its parameters]
    parameters: list[nn.Parameter]
    missing: int = 0  # gradients that the running backward pass has not given yet


class GradientSum:
    """The gradient of one update, over all passes of all processes.

    Why not DistributedDataParallel: there, a process that runs out of memory in a backward pass leaves the others
    waiting for ever, and all must make as many passes. Here each sends its buckets in the same order whatever happens,
    and what went wrong is agreed on afterwards.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], world: World, bucket_bytes: int = BUCKET_BYTES) -> None:
        self.parameters, self.alone = list(parameters), world.size == 1
        self.buckets = [] if self.alone else list(fill(self.parameters, bucket_bytes))
        self.bucket_of = {parameter: bucket for bucket in self.buckets for parameter in bucket.parameters}
        self.sent: list[dist.Work] = []
        self.last = False
        for parameter in self.bucket_of:
            parameter.register_post_accumulate_grad_hook(self.accumulated)  # type: ignore[no-untyped-call]

    def start(self) -> None:
        """Forgets the gradient of the update before."""
        self.sent, self.last = [], False
        if self.alone:
            for parameter in self.parameters:
                parameter.grad = None
        for bucket in self.buckets:
            bucket.flat.zero_()
            bucket.missing = len(bucket.parameters)

    def expect_last(self) -> None:
        """The backward pass that comes is the last of this process: what it has finished can be sent."""
        self.last = True

    def accumulated(self, parameter: Tensor) -> None:
        """Called by autograd when a parameter has its gradient."""
        if not self.last:
            return
        self.bucket_of[parameter].missing -= 1  # type: ignore[index]
        while len(self.sent) < len(self.buckets) and self.buckets[len(self.sent)].missing == 0:
            self.send()

    def finish(self) -> None:
        """Sends what is left and waits until the gradients are those of all processes."""
        while len(self.sent) < len(self.buckets):
            self.send()
        for work in self.sent:
            work.wait()

    def send(self) -> None:
        """Sends the next bucket; the order is the same on all processes."""
        work = dist.all_reduce(self.buckets[len(self.sent)].flat, async_op=True)
        assert work is not None
        self.sent.append(work)


def fill(parameters: list[nn.Parameter], bucket_bytes: int) -> Iterable[Bucket]:
    """Puts parameters into buckets, the last ones first, for their gradients come first."""
    waiting: list[nn.Parameter] = []
    for parameter in reversed(parameters):
        waiting.append(parameter)
        if parameter is parameters[0] or sum(one.numel() * one.element_size() for one in waiting) >= bucket_bytes:
            yield make_bucket(waiting)
            waiting = []


def make_bucket(parameters: list[nn.Parameter]) -> Bucket:
    """A bucket whose memory the parameters' gradients are views of."""
    sizes = [parameter.numel() for parameter in parameters]
    flat = parameters[0].new_zeros(sum(sizes))
    parts = torch.split(flat, sizes)
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)
    return Bucket(flat, parameters)
