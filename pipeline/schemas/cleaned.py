"""reports/cleaning.json: what became of every pair of the raw training text."""

from dataclasses import dataclass

from pipeline.schemas.records import EXACT


@dataclass(frozen=True)
class Example:
    """A pair that a rule dropped, or whose text was repaired; texts are cut short."""

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
    """What it drops, in words."""


@dataclass(frozen=True)
class Cleaning:
    """reports/cleaning.json: what became of every pair of the raw training text."""

    __pydantic_config__ = EXACT
    rules: list[Rule]
    """In the order in which they are tried."""
    ledger: dict[str, dict[str, int]]
    """Corpus by rule: pairs that came in, those that came out, and those that each rule dropped."""
    repairs: dict[str, dict[str, int]]
    """Corpus by kind: pairs whose text was repaired in that way, dropped or not."""
    examples: dict[str, list[Example]]
    """The first pairs of each rule and repair."""
    splits: dict[str, int]
