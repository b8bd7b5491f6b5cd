"""reports/bleu.json and reports/length.json: the scores of translations."""

from dataclasses import dataclass

from pipeline.schemas.records import EXACT


@dataclass(frozen=True)
class RunScores:
    """The scores of one run in reports/bleu.json, with 95 % intervals and sacreBLEU signatures."""

    __pydantic_config__ = EXACT
    system: str
    seeds: int
    beam: int
    sentences: int
    brevity_penalty: float
    length_ratio: float
    precision_1: float
    """Share of the translations' 1-grams that are in the references, in percent."""
    precision_2: float
    precision_3: float
    precision_4: float
    bleu: float
    bleu_low: float
    bleu_high: float
    bleu_signature: str
    bleu_tokenized: float
    bleu_tokenized_low: float
    bleu_tokenized_high: float
    bleu_tokenized_signature: str
    chrf: float
    chrf_low: float
    chrf_high: float
    chrf_signature: str


@dataclass(frozen=True)
class LengthGroup:
    """A group of test sentences in reports/length.json; lengths are source tokens without </s>."""

    __pydantic_config__ = EXACT
    bin: int
    shortest: int
    longest: int
    sentences: int
    bleu: float
    bleu_low: float
    bleu_high: float
