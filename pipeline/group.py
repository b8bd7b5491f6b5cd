"""reports/rarity.json: groups of test sentences of similar word rarity, and their scores."""

from dataclasses import dataclass

from pipeline.schemas.records import EXACT


@dataclass(frozen=True)
class Group:
    """A group of test sentences; its bounds are the measures of its first and its last sentence."""

    __pydantic_config__ = EXACT
    bin: int
    lowest: float
    highest: float
    sentences: int
    bleu: float
    bleu_low: float
    bleu_high: float
