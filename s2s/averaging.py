"""The mean of the weights over the last updates, which is better than the last weights while the learning rate is high.

Polyak and Juditsky 1992; over time as an exponential mean, as usual with neural networks.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

LONGEST_STRIDE = 10
SAMPLES = 100  # of which a mean has at least so many, if it is over so many updates
COUNT = "count"  # name of the number of updates among the saved tensors; a weight's has a dot


class Average:
    """A mean of a model's weights over about the last `updates` updates.

    While fewer were made it is their plain mean, then an exponential one: each new sample takes 1 / `updates` of it.
    Sampling moves twelve bytes a weight (of 384 million, by an H200's bandwidth: a millisecond, where an update of 128
    sentences takes about ten), and neighbours hardly differ: so a mean over 200 updates and more looks at each second,
    one over 1,000 and more at each tenth, with twice and ten times the share. An update that was left out counts the
    same weights once more.
    """

    def __init__(self, model: nn.Module, updates: int) -> None:
        """The mean starts as a copy of the weights, on their device."""
        assert updates >= 1, "a mean is over one update or more"
        self.model = model
        self.stride = min(LONGEST_STRIDE, max(1, updates // SAMPLES))
        self.samples = updates / self.stride
        self.count = 0  # updates seen
        self.mean = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    def add(self) -> None:
        """Takes note of the weights after one update: to be called after each."""
        if self.count % self.stride == 0:
            seen = self.count // self.stride + 1
            torch._foreach_lerp_(list(self.mean.values()), self.weights(), 1 / min(seen, self.samples))
        self.count += 1

    def weights(self) -> list[Tensor]:
        """The model's own tensors, detached, in the order of the mean's."""
        return list(self.model.state_dict().values())

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """The model has the mean for its weights inside the block, and its own weights again, bit for bit, after it.

        They change places, at the cost of a copy of the largest tensor: inside the block the mean is found in the model
        alone, and neither `add` nor `state_dict` may be called.
        """
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges the model's weights for the mean, tensor by tensor, each staying where it is in memory."""
        for mean, weight in zip(self.mean.values(), self.weights(), strict=True):
            kept = weight.clone()
            weight.copy_(mean)
            mean.copy_(kept)

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint keeps: the mean under the names of the model's weights, and the count of updates."""
        return self.mean | {COUNT: torch.tensor(self.count)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on from what `state_dict` gave, of the same model and with the same `updates`."""
        assert state.keys() == self.state_dict().keys(), "a mean of another model's weights"
        for name, mean in self.mean.items():
            mean.copy_(state[name])
        self.count = int(state[COUNT])
