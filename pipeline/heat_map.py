"""An entry of reports/alignments.json: a sentence, its translation, and where the models looked while they said it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.schemas.records import EXACT


@dataclass(frozen=True)
class HeatMap:
    """A test sentence and its translation by one run, as the models read and said them."""

    __pydantic_config__ = EXACT
    id: int
    source: list[str]
    """Words, or pieces of words where the vocabulary has pieces."""
    target: list[str]
    """Likewise, </s> the last."""
    attention: list[list[float]]
    """Of each target token its share for each source token, 0 to 1: the mean over the models that attend."""


MOST, LEAST = 3, 0.05  # source tokens that a target token is said to look at: so many, of such a share


def looked_at(shares: Sequence[float]) -> list[int]:
    """The places in the source that a target token looks at above all, the first of equals first."""
    order = sorted(range(len(shares)), key=lambda place: -shares[place])
    return [place for place in order[:MOST] if shares[place] >= LEAST]
