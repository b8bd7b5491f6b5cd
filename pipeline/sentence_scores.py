"""reports/sentence_log_probs.parquet: the log-probability of each test sentence by each model, to compare models by.

Shapes: N sentences.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from s2s import files
from s2s.errors import UserError, check

DECIMALS = 6  # of log-probabilities, in nats: what a float32 state holds


@dataclass(frozen=True)
class Scores:
    """What a model says of the test set."""

    tokens: NDArray[np.integer]
    """Target tokens of each sentence in the model's vocabulary, with </s>, [N]."""
    log_probs: NDArray[np.float64]
    """Natural logarithm of the probability of each sentence, [N]."""


def write(path: Path, scores: Mapping[str, Scores]) -> None:
    """Writes what each model says."""
    columns: dict[str, pa.Array] = {}
    for name, one in scores.items():
        columns |= {f"tokens.{name}": pa.array(one.tokens.astype(np.int64))}
        columns |= {f"log_prob.{name}": pa.array(one.log_probs.round(DECIMALS))}
    with files.whole(path) as beside, files.naming(path):
        pq.write_table(pa.table(columns), beside, compression="zstd", use_dictionary=False)


def read(path: Path, models: Iterable[str]) -> dict[str, Scores]:
    """Reads what each of the named models says.

    Raises:
        UserError: there is no such file, or a model is not in it.
    """
    try:
        table = pq.read_table(path, use_threads=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected what the perplexity stage writes") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not Parquet ({error}); expected what the perplexity stage writes") from None

    found = {}
    for name in models:
        columns = [f"tokens.{name}", f"log_prob.{name}"]
        for column in columns:
            check(column in table.column_names, f"{path}: found no column {column}; expected those of all models")
        found[name] = Scores(*(table.column(column).to_numpy() for column in columns))
    return found
