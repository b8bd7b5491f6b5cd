"""Random choices by Zipf's law, the same on every machine."""

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import TypeVar

Item = TypeVar("Item")


# Zipf's law with Mandelbrot's shift, without which the first word would be a third of all draws.
SHIFT = 2


@cache
def cumulated(size: int, exponent: float) -> tuple[int, ...]:
    """Return the cumulated weights of ranks 1 to size, as integers, so that no rounding differs between machines."""
    weights = (round(1e9 * (rank + SHIFT) ** -exponent) for rank in range(1, size + 1))
    return tuple(accumulate(weights))


class Dice:
    """Random draws. Only `random.Random.random` is called, whose sequence Python guarantees for a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed).random

    def chance(self, share: float) -> bool:
        """Return True with probability `share`."""
        return self.draw() < share

    def below(self, bound: int) -> int:
        """Return an integer from 0 to `bound` - 1."""
        return int(self.draw() * bound)

    def zipf(self, items: Sequence[Item], exponent: float) -> Item:
        """Return an item of rank r with a probability proportional to (r + SHIFT) ** -exponent."""
        weights = cumulated(len(items), exponent)
        return items[bisect_right(weights, self.below(weights[-1]))]

    def weighted(self, shares: Mapping[Item, int]) -> Item:
        """Return a key with a probability proportional to its value."""
        weights = list(accumulate(shares.values()))
        return list(shares)[bisect_right(weights, self.below(weights[-1]))]

    def shuffle(self, items: list[Item]) -> None:
        """Shuffle the items in place (Fisher and Yates)."""
        for last in range(len(items) - 1, 0, -1):
            chosen = self.below(last + 1)
            items[last], items[chosen] = items[chosen], items[last]
