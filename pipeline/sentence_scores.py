"""reports/sentence_log_probs.parquet: the log-probability of each test sentence by each model, to compare models by.

Shapes: N sentences.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.schemas import records
from s2s.errors import check

DECIMALS = 6  # of log-probabilities, in nats: the precision of a float32 state


@dataclass(frozen=True)
class Scores:
    """A model's scores of the test set: the columns tokens.<model> and log_prob.<model>."""

    tokens: NDArray[np.integer]
    """Target tokens of each sentence in the model's vocabulary, with </s>, [N]."""
    log_probs: NDArray[np.float64]
    """Natural logarithm of the probability of each sentence, [N]."""


def write(path: Path, scores: Mapping[str, Scores]) -> None:
    """Write the scores of each model as two columns."""
    columns: dict[str, pa.Array] = {}
    for name, model in scores.items():
        columns |= {f"tokens.{name}": pa.array(model.tokens.astype(np.int64))}
        columns |= {f"log_prob.{name}": pa.array(model.log_probs.round(DECIMALS))}
    records.write_parquet(path, pa.table(columns))


def read(path: Path, models: Iterable[str]) -> dict[str, Scores]:
    """Read the scores of some models, by name.

    Raises:
        UserError: the file is absent or not Parquet, or has no column of a model.
    """
    table = records.open_parquet(path, expected="what the perplexity stage writes").read(use_threads=False)
    scores = {}
    for name in models:
        columns = [f"tokens.{name}", f"log_prob.{name}"]
        for column in columns:
            check(column in table.column_names, f"{path}: found no column {column}; expected those of all models")
        scores[name] = Scores(*(table.column(column).to_numpy() for column in columns))
    return scores
