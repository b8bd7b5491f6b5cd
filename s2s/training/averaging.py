"""The mean of the weights over the last updates, often better than the last weights while the learning rate is high.

Polyak and Juditsky 1992, with an exponential mean, as usual for neural networks.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

LONGEST_STRIDE = 10  # updates between samples, at most
SAMPLES = 100  # a mean over as many updates has at least so many samples
COUNT = "count"  # saved tensor with the number of updates; names of weights have a dot


class Average:
    """The mean of a model's weights over about the last `updates` updates.

    At first it is the plain mean of all updates; after `updates` of them an exponential mean, in which the weights of a
    new update have a share of 1 / `updates`. A sample moves twelve bytes a weight: for 384 million weights a
    millisecond on an H200, whose updates of 128 sentences take ten. Consecutive weights hardly differ, so a mean over
    200 updates or more samples every second update, and one over 1,000 or more every tenth, with shares as many times
    larger. A skipped update counts its unchanged weights again.
    """

    def __init__(self, model: nn.Module, updates: int) -> None:
        """Start the mean as a copy of the weights, on their device."""
        assert updates >= 1, "a mean is over one update or more"
        self.model = model
        self.stride = min(LONGEST_STRIDE, max(1, updates // SAMPLES))
        self.samples = updates / self.stride
        self.count = 0  # updates seen
        self.mean = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    def add(self) -> None:
        """Add the weights to the mean, after every update."""
        if self.count % self.stride == 0:
            samples = self.count // self.stride + 1
            torch._foreach_lerp_(list(self.mean.values()), self.weights(), 1 / min(samples, self.samples))
        self.count += 1

    def weights(self) -> list[Tensor]:
        """Return the model's own tensors, detached, in the order of the mean's."""
        return list(self.model.state_dict().values())

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """Give the model the mean for its weights inside the block, and exactly its own weights again afterwards.

        The two are exchanged, with extra memory for one tensor at a time. So inside the block, neither `add` nor
        `state_dict` may be called.
        """
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the values of the model's weights and of the mean in place."""
        for mean, weight in zip(self.mean.values(), self.weights(), strict=True):
            copy = weight.clone()
            weight.copy_(mean)
            mean.copy_(copy)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the tensors for a checkpoint: the mean, under the names of the weights, and the number of updates."""
        return self.mean | {COUNT: torch.tensor(self.count)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore the tensors of `state_dict`, which must be of the same model and the same `updates`."""
        assert state.keys() == self.state_dict().keys(), "a mean of another model's weights"
        for name, mean in self.mean.items():
            mean.copy_(state[name])
        self.count = int(state[COUNT])
