"""reports/sentence_log_probs.parquet: the log-probability of each test sentence by each model, to compare models by.

Shapes: N sentences.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from s2s import files
from s2s.errors import UserError, check

TOKENS = "tokens"
DECIMALS = 6  # of log-probabilities, in nats: what a float32 state holds


def write(path: Path, tokens: NDArray[np.integer], log_probs: Mapping[str, NDArray[np.float64]]) -> None:
    """Writes the target tokens of each sentence with </s>, [N], and its log-probability by each model, [N]."""
    columns = {TOKENS: tokens.astype(np.int64)} | {f"log_prob.{name}": one for name, one in log_probs.items()}
    rounded = {name: pa.array(one.round(DECIMALS)) for name, one in columns.items()}
    with files.whole(path) as beside, files.naming(path):
        pq.write_table(pa.table(rounded), beside, compression="zstd", use_dictionary=False)


def read(path: Path, models: Iterable[str]) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Reads the tokens of each sentence, [N], and its log-probability by each of the named models, [N].

    Raises:
        UserError: there is no such file, or a model is not in it.
    """
    try:
        table = pq.read_table(path, use_threads=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected what the perplexity stage writes") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not Parquet ({error}); expected what the perplexity stage writes") from None
    wanted = {TOKENS: TOKENS} | {name: f"log_prob.{name}" for name in models}
    for column in wanted.values():
        check(column in table.column_names, f"{path}: found no column {column}; expected all that params.yaml names")
    found = {name: table.column(column).to_numpy().astype(np.float64) for name, column in wanted.items()}
    return found.pop(TOKENS), found
