"""The maxout layer before the softmax, each unit the larger of two sums (Goodfellow et al. 2013).

It is that of Cho et al. 2014, appendix A.1.2, and Bahdanau et al. 2015, appendix A.2.2.
"""

import torch
from torch import Tensor, nn

from s2s.network.cells import Product, product


class Maxout(nn.Linear):
    """A layer from [.., inputs] to [.., units], where unit j is the larger of sums j and units + j.

    The papers pair sums 2 j - 1 and 2 j, which only numbers the rows of W differently; two halves are contiguous in
    memory. The sums have a bias, which the papers leave out of their equations.
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, 2 * units)

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the units of any number of rows."""
        return larger(super().forward(inputs))

    def stepper(self) -> Product:
        """Return a function for evaluation that computes `forward` of rows [R, inputs], with prepacked weights."""
        sums = product(self.weight, self.bias)
        return lambda rows: larger(sums(rows))


def larger(sums: Tensor) -> Tensor:
    """Return the larger sum of each pair: [.., 2 units] to [.., units]."""
    return torch.maximum(*sums.chunk(2, dim=-1))
