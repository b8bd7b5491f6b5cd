"""reports/cleaning.json: the ledger of all pairs of the raw training text."""

from dataclasses import dataclass

from pipeline.schemas.records import EXACT


@dataclass(frozen=True)
class Example:
    """A pair that a rule dropped, or whose text was repaired; long texts are cut."""

    __pydantic_config__ = EXACT
    corpus: str
    line: int
    """Of the raw text, counted from 1."""
    source: str
    target: str


@dataclass(frozen=True)
class Rule:
    """A rule that drops training pairs."""

    __pydantic_config__ = EXACT
    rule: str
    drops: str
    """A description of the pairs that it drops."""


@dataclass(frozen=True)
class Cleaning:
    """reports/cleaning.json: counts of kept, dropped and repaired training pairs, with examples."""

    __pydantic_config__ = EXACT
    rules: list[Rule]
    """In the order in which they are tried."""
    ledger: dict[str, dict[str, int]]
    """Corpus by rule: `in`, the pairs before cleaning, `out`, those after, and the pairs that each rule dropped."""
    repairs: dict[str, dict[str, int]]
    """Corpus by kind of repair: pairs whose text was repaired in that way, whether dropped later or not."""
    examples: dict[str, list[Example]]
    """The first pairs of each rule and repair."""
    splits: dict[str, int]
    """Pairs of each split after cleaning."""
