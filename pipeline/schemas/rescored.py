"""candidates/ and reports/rescore/: n-best lists, and what other models make of them."""

from dataclasses import dataclass

from pipeline.schemas.records import EXACT
from pipeline.schemas.translated import Member


@dataclass(frozen=True)
class ListFile:
    """A person's n-best list."""

    __pydantic_config__ = EXACT
    name: str
    sha256: str


@dataclass(frozen=True)
class FirstPass:
    """candidates/<rescoring>/first_pass.json: which system made the n-best lists beside it."""

    __pydantic_config__ = EXACT
    first_pass: str
    """A run of ours, or the folder of another system's lists."""
    members: list[Member]
    """The models of the run, or none."""
    files: dict[str, ListFile]
    """The lists in the folder, by split, or none."""


FIRST_PASS = "first_pass.json"


@dataclass(frozen=True)
class ListSize:
    """How many candidates the sentences of a split have."""

    __pydantic_config__ = EXACT
    sentences: int
    mean: float
    longest: int


@dataclass(frozen=True)
class Choice:
    """One translation a sentence out of n-best lists; each score has its 95 % interval and its signature."""

    __pydantic_config__ = EXACT
    bleu: float
    bleu_low: float
    bleu_high: float
    bleu_signature: str
    bleu_p_value: float
    """Of the difference from the first of each list, by paired bootstrap."""
    bleu_tokenized: float
    bleu_tokenized_low: float
    bleu_tokenized_high: float
    bleu_tokenized_signature: str
    bleu_tokenized_p_value: float
    dev_bleu_tokenized: float


@dataclass(frozen=True)
class Rescored:
    """reports/rescore/<rescoring>.json: what becomes of n-best lists when other models score them too."""

    __pydantic_config__ = EXACT
    first_pass: FirstPass
    scorer: str
    members: list[Member]
    """The models of the scorer."""
    lists: dict[str, ListSize]
    choices: dict[str, Choice]
    """Of the test set: first (the first pass's own), even (average of both scores), tuned, oracle."""
    weights: dict[str, float]
    """The tuned ones, by feature; their absolute values sum to 1."""
