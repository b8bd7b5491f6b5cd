"""Format of reports/rescore/<name>.json: the translations that rescoring chooses, and their scores."""

from dataclasses import dataclass

from pipeline.schemas.data.lists import FirstPass
from pipeline.schemas.data.records import EXACT
from pipeline.schemas.data.translated import Member


@dataclass(frozen=True)
class ListSize:
    """The number of candidates for each sentence of a split."""

    __pydantic_config__ = EXACT
    sentences: int
    mean: float
    longest: int


@dataclass(frozen=True)
class Choice:
    """Scores of one translation for each sentence, with 95 % intervals and sacreBLEU signatures."""

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
    """reports/rescore/<rescoring>.json: BLEU of n-best lists before and after rescoring."""

    __pydantic_config__ = EXACT
    first_pass: FirstPass
    scorer: str
    members: list[Member]
    """The models of the scorer."""
    lists: dict[str, ListSize]
    choices: dict[str, Choice]
    """Of the test set: first (the first pass's own), even (average of both scores), tuned, oracle."""
    weights: dict[str, float]
    """The tuned weights by feature; their absolute values sum to 1."""
