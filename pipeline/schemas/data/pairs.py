"""data/clean: sentence pairs in Parquet files, as plain text and as tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.schemas.data import records
from s2s.errors import check, reading

HELD_OUT = ("dev", "test")
SPLITS = ("train", *HELD_OUT)
SIDES = ("source", "target")
CLEAN = "what the clean stage writes"
ROW_GROUP = 20_000  # sentence pairs, some megabytes: what is in memory at a time


@dataclass(frozen=True)
class SentencePair:
    """A row of data/clean/train/<number>.parquet: training pairs are split into files for many processes."""

    id: int
    """Counted from 0 over all files of a split."""
    source: str
    """Normalized plain text, as `target`."""
    target: str
    source_tokens: str
    """Moses tokens joined by single spaces, as `target_tokens`."""
    target_tokens: str


@dataclass(frozen=True)
class ScoredPair(SentencePair):
    """A row of data/clean/dev.parquet and test.parquet, whose translations are scored."""

    reference: str
    """The target as it came, neither normalized nor lowercased: every score is against it."""
    reference_tokens: str


PAIRS, SCORED = records.schema(SentencePair), records.schema(ScoredPair)


def schema_of(path: Path) -> pa.Schema:
    """Return the schema of a file of pairs, by its name."""
    return SCORED if path.stem in HELD_OUT else PAIRS


def write_pairs(path: Path, first: int, texts: pa.Table) -> None:
    """Write a Parquet file of pairs from their columns of text, with ids that count from `first`."""
    schema = schema_of(path)
    ids = pa.array(range(first, first + len(texts)), pa.int64())
    columns = [ids, *(texts.column(name) for name in schema.names[1:])]
    records.write_parquet(path, pa.Table.from_arrays(columns, schema=schema), ROW_GROUP)


def open_pairs(path: Path) -> pq.ParquetFile:
    """Open a Parquet file of sentence pairs.

    Raises:
        UserError: the file is absent or not Parquet, or has other columns.
    """
    return records.open_parquet(path, schema_of(path), CLEAN)


def shards(clean: Path, split: str) -> list[Path]:
    """Return the files of a split of data/clean, in order.

    Raises:
        UserError: there is no file of training pairs.
    """
    if split != "train":
        return [clean / f"{split}.parquet"]
    paths = sorted((clean / split).glob("*.parquet"))
    check(paths, f"{clean / split}: found no Parquet file; expected {CLEAN}")
    return paths


def read_table(path: Path, names: Sequence[str]) -> pa.Table:
    """Read some columns of a whole file of pairs."""
    return records.read_parquet(path, list(names), schema_of(path), CLEAN)


def stream_columns(path: Path, names: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    """Yield some columns of a file of pairs as lists of rows, one list for each row group."""
    file = open_pairs(path)
    for group in range(file.num_row_groups):
        with reading(path, CLEAN):
            table = file.read_row_group(group, columns=list(names))
            columns = [table.column(name).to_pylist() for name in names]
        yield list(zip(*columns, strict=True))


def read_column(path: Path, name: str) -> list[str]:
    """Read one column of text of a file of pairs."""
    return [row[0] for rows in stream_columns(path, [name]) for row in rows]


def text_column(side: str, tokens: bool) -> str:
    """Return the name of the column that holds a side's text, as tokens or plain."""
    return f"{side}_tokens" if tokens else side
