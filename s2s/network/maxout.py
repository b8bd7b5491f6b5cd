"""A layer before the softmax whose units are each the larger of two sums (Goodfellow et al. 2013).

Cho et al. 2014, appendix A.1.2, and Bahdanau et al. 2015, appendix A.2.2, have it with two sums a unit.
"""

import torch
from torch import Tensor, nn

from s2s.network.cells import Product, product


class Maxout(nn.Linear):
    """[.., inputs] to [.., units]: unit j is the larger of sums j and units + j.

    The papers take sums 2 j - 1 and 2 j, which is the same but for the numbers of the rows of W; two halves are read
    without gaps. Sums have a bias, which the papers leave out of their equations.
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, 2 * units)

    def forward(self, inputs: Tensor) -> Tensor:
        """All of the units, of any number of rows."""
        return larger(super().forward(inputs))

    def stepper(self) -> Product:
        """The same of rows [R, inputs], with the weights laid out once, in evaluation."""
        sums = product(self.weight, self.bias)
        return lambda rows: larger(sums(rows))


def larger(sums: Tensor) -> Tensor:
    """Sums [.., 2 units] to the larger of each pair, [.., units]."""
    return torch.maximum(*sums.chunk(2, dim=-1))
