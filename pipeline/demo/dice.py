"""Random choice: frequent items often, rare ones seldom, the same on every machine."""

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import TypeVar

Item = TypeVar("Item")


# Zipf's law with Mandelbrot's shift, which keeps the first word from taking a third of all places.
SHIFT = 2


@cache
def cumulated(size: int, exponent: float) -> tuple[int, ...]:
    """The weights of ranks 1 to size, cumulated; whole numbers, so that no rounding differs between machines."""
    weights = (round(1e9 * (rank + SHIFT) ** -exponent) for rank in range(1, size + 1))
    return tuple(accumulate(weights))


class Dice:
    """Draws from lists. Only `random.Random.random` is called, whose sequence Python guarantees for a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed).random

    def chance(self, share: float) -> bool:
        """True in this share of the cases."""
        return self.draw() < share

    def below(self, bound: int) -> int:
        """A whole number from 0, below `bound`."""
        return int(self.draw() * bound)

    def zipf(self, items: Sequence[Item], exponent: float) -> Item:
        """One of the items; that of rank r in proportion to (r + SHIFT) ** -exponent."""
        weights = cumulated(len(items), exponent)
        return items[bisect_right(weights, self.below(weights[-1]))]

    def weighted(self, shares: Mapping[Item, int]) -> Item:
        """One of the keys, in proportion to its value."""
        weights = list(accumulate(shares.values()))
        return list(shares)[bisect_right(weights, self.below(weights[-1]))]

    def shuffle(self, items: list[Item]) -> None:
        """Brings the items into a random order (Fisher and Yates)."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
