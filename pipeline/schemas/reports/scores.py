"""Formats of reports/bleu.json, length.json, rarity.json and sentence_log_probs.parquet: scores of translations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.schemas.data import records
from pipeline.schemas.data.records import EXACT
from s2s.errors import check


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


DECIMALS = 6  # of log-probabilities, in nats: the precision of a float32 state


@dataclass(frozen=True)
class Scores:
    """A model's scores of the test set: the columns tokens.<model> and log_prob.<model>."""

    tokens: NDArray[np.integer]
    """Target tokens of each sentence in the model's vocabulary, with </s>, [N]."""
    log_probs: NDArray[np.float64]
    """Natural logarithm of the probability of each sentence, [N]."""


def write_sentence_scores(path: Path, scores: Mapping[str, Scores]) -> None:
    """Write the scores of each model as two columns."""
    columns: dict[str, pa.Array] = {}
    for name, model in scores.items():
        columns |= {f"tokens.{name}": pa.array(model.tokens.astype(np.int64))}
        columns |= {f"log_prob.{name}": pa.array(model.log_probs.round(DECIMALS))}
    records.write_parquet(path, pa.table(columns))


def read_sentence_scores(path: Path, models: Iterable[str]) -> dict[str, Scores]:
    """Read the scores of some models, by name.

    Raises:
        UserError: the file is absent or not Parquet, or has no column of a model.
    """
    table = records.read_parquet(path, expected="what the perplexity stage writes")
    scores = {}
    for name in models:
        columns = [f"tokens.{name}", f"log_prob.{name}"]
        for column in columns:
            check(column in table.column_names, f"{path}: found no column {column}; expected those of all models")
        scores[name] = Scores(*(table.column(column).to_numpy() for column in columns))
    return scores
