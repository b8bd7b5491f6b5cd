"""Format of an entry of reports/alignments.json: a sentence, its translation, and the models' attention."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.schemas.data.records import EXACT


@dataclass(frozen=True)
class HeatMap:
    """An attention map: a test sentence, its translation by a run, and the attention of each target token."""

    __pydantic_config__ = EXACT
    id: int
    source: list[str]
    """Words, or subwords if the vocabulary has subwords."""
    target: list[str]
    """Words or subwords, with </s> at the end."""
    attention: list[list[float]]
    """Shares of attention, 0 to 1, a row per target token and a column per source token; the mean over the models that
    have attention."""


MOST, LEAST = 3, 0.05  # number and smallest share of the source tokens that describe a target token's attention


def looked_at(shares: Sequence[float]) -> list[int]:
    """Return the source positions with the largest shares of a target token's attention, the largest first."""
    order = sorted(range(len(shares)), key=lambda position: -shares[position])
    return [position for position in order[:MOST] if shares[position] >= LEAST]
