"""reports/vocab/ and reports/encoding/: what vocabularies know, and how long sentences are in their tokens."""

from dataclasses import dataclass

from pipeline.schemas.encoded import EncodedSplit
from pipeline.schemas.records import EXACT


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
    """reports/vocab/<vocabulary>.json: what a vocabulary holds, and how much of the text it knows."""

    __pydantic_config__ = EXACT
    kind: str
    sentencepiece_lines: int
    source: SideVocabulary
    target: SideVocabulary


LONGEST = 200  # tokens; longer sentences are counted together


@dataclass(frozen=True)
class Lengths:
    """How many sentences have 0, 1, 2, ... tokens, targets with </s>; the last number counts all from LONGEST on."""

    __pydantic_config__ = EXACT
    source: list[int]
    target: list[int]


@dataclass(frozen=True)
class Encoding:
    """reports/encoding/<vocabulary>.json: how long the sentences are, and what share of a batch would be padding."""

    __pydantic_config__ = EXACT
    splits: dict[str, EncodedSplit]
    lengths: dict[str, Lengths]
    padding: dict[str, dict[str, float]]
