"""Formats of reports/cleaning.json, vocab/ and encoding/: dropped pairs, coverage of vocabularies, sentence lengths."""

from dataclasses import dataclass

from pydantic import FiniteFloat

from pipeline.schemas.data.encoded import EncodedSplit
from pipeline.schemas.data.records import EXACT


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


@dataclass(frozen=True)
class SideVocabulary:
    """One side of a vocabulary; coverages are shares of running tokens, 0 to 1."""

    __pydantic_config__ = EXACT
    entries: int
    types: int
    tokens: int
    train_coverage: float
    dev_coverage: float


@dataclass(frozen=True)
class Vocabularies:
    """reports/vocab/<vocabulary>.json: the size of a vocabulary, and the share of the text that it covers."""

    __pydantic_config__ = EXACT
    kind: str
    sentencepiece_lines: int
    source: SideVocabulary
    target: SideVocabulary


LONGEST = 200  # tokens; all longer sentences share one count


@dataclass(frozen=True)
class Lengths:
    """Numbers of sentences of 0, 1, 2, ... tokens, targets with </s>; the last is of LONGEST tokens or more."""

    __pydantic_config__ = EXACT
    source: list[int]
    target: list[int]


@dataclass(frozen=True)
class Encoding:
    """reports/encoding/<vocabulary>.json: counts, sentence lengths, and the share of padding in batches."""

    __pydantic_config__ = EXACT
    splits: dict[str, EncodedSplit]
    lengths: dict[str, Lengths]
    padding: dict[str, dict[str, float]]
    """Order of the batches (bucketed or random) by side, 0 to 1."""


Measure = int | FiniteFloat | str
Difficulty = dict[str, Measure | dict[str, Measure | dict[str, Measure]]]
"""reports/difficulty.json: measures of sentence pairs, and those of each side by its name."""
