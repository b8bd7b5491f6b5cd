"""data/clean: sentence pairs in Parquet files, plain and in tokens."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from s2s import files
from s2s.errors import UserError, check

SPLITS = ("train", "dev", "test")
SIDES = ("source", "target")
ROW_GROUP = 20_000  # sentence pairs, some megabytes: what is in memory at a time

# data/clean/train/<number>.parquet, data/clean/dev.parquet and test.parquet: plain normalized text, and the same in
# Moses tokens joined by spaces. Training pairs are cut into files so that many processes can work on them.
PAIRS = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        *(pa.field(side, pa.string(), nullable=False) for side in SIDES),
        *(pa.field(f"{side}_tokens", pa.string(), nullable=False) for side in SIDES),
    ]
)


class PairWriter:
    """Writes a Parquet file of sentence pairs, in row groups of one size however they come."""

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self.waiting: list[tuple[str, str, str, str]] = []
        self.writer = pq.ParquetWriter(path, PAIRS, compression="zstd", use_dictionary=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.flush()
        self.writer.close()

    def write(self, pairs: Iterable[tuple[str, str, str, str]]) -> None:
        """Adds source, target, source tokens and target tokens of each pair."""
        for pair in pairs:
            self.waiting.append(pair)
            self.rows += 1
            if len(self.waiting) == ROW_GROUP:
                self.flush()

    def flush(self) -> None:
        """Writes the pairs that wait as a row group."""
        if self.waiting:
            numbers = range(self.rows - len(self.waiting), self.rows)
            columns = [numbers, *zip(*self.waiting, strict=True)]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, PAIRS, strict=True)]
            self.writer.write_table(pa.Table.from_arrays(arrays, schema=PAIRS))
            self.waiting = []


def write_pairs(path: Path, first: int, texts: pa.Table) -> None:
    """Writes a Parquet file of pairs from columns of texts; their ids count from `first`."""
    ids = pa.array(range(first, first + len(texts)), pa.int64())
    columns = [ids, *(texts.column(name) for name in PAIRS.names[1:])]
    table = pa.Table.from_arrays(columns, schema=PAIRS)
    with files.naming(path):
        pq.write_table(table, path, row_group_size=ROW_GROUP, compression="zstd", use_dictionary=False)


def open_pairs(path: Path) -> pq.ParquetFile:
    """Opens what `PairWriter` wrote."""
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected what the clean stage writes") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not Parquet ({error}); expected what the clean stage writes") from None
    names = ", ".join(file.schema_arrow.names)
    check(file.schema_arrow.equals(PAIRS), f"{path}: found columns {names}; expected {', '.join(PAIRS.names)}")
    return file


def shards(clean: Path, split: str) -> list[Path]:
    """The files of a split of data/clean, in order."""
    if split != "train":
        return [clean / f"{split}.parquet"]
    found = sorted((clean / split).glob("*.parquet"))
    check(found, f"{clean / split}: found no Parquet file; expected what the clean stage writes")
    return found


def read_table(path: Path, names: Sequence[str]) -> pa.Table:
    """Some columns of a whole file of pairs, read by one thread: there is a worker for each processor already."""
    return open_pairs(path).read(columns=list(names), use_threads=False)


def stream_columns(path: Path, names: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    """Yields some columns of a file of pairs, one row group at a time, as rows."""
    file = open_pairs(path)
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=list(names))
        yield list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def read_column(path: Path, name: str) -> list[str]:
    """One column of a file of pairs."""
    return [row[0] for rows in stream_columns(path, [name]) for row in rows]


def text_column(side: str, tokens: bool) -> str:
    """The column that holds a side's text, plain or in tokens."""
    return f"{side}_tokens" if tokens else side
