"""`s2s embed`: write the encoder's vectors of sentences.

Shapes: N sentences, H hidden.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from numpy.typing import NDArray

from s2s.commands import incoming, options
from s2s.errors import check
from s2s.files import naming, whole
from s2s.inference.translator import Translator

BLOCK = 1024  # sentences embedded at a time and written as a row group
Blocks = Iterator[tuple[list[str], NDArray[np.float32]]]  # sentences and their vectors, [N, H]


def embed(
    model: options.OneModel,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .parquet or .npy.", show_default=False)],
    files: options.Files = None,
    device: options.Device = "auto",
    threads: options.Threads = 0,
) -> None:
    """Write a vector for each sentence: the encoder's final state of the top layer (the paper's Figure 2).

    A .parquet file has the columns sentence and vector. A .npy file is an array
    of 32-bit floats with a row for each line.

    \b
    Examples:
    s2s embed -m models/reversed/1 --out news.parquet news.en
    head -1000 news.en | s2s embed -m models/reversed/1 --out news.npy
    """
    check(out.suffix in WRITERS, f"--out: found {out.name}; expected a name that ends in {' or '.join(WRITERS)}")
    check(not out.is_dir(), f"--out: found the folder {out}; expected a file")
    paths = options.paths(files)
    translator = Translator.load([model], options.ready(device, threads))
    with naming(out), whole(out) as part:
        WRITERS[out.suffix](part, embedded(translator, paths), translator.models[0].architecture.hidden)


def embedded(translator: Translator, paths: Sequence[Path]) -> Blocks:
    """Yield the sentences of the files with their vectors, in blocks."""
    for path in paths:
        for block in incoming.blocks(path, BLOCK):
            yield block, translator.embed(block)


def write_parquet(path: Path, blocks: Blocks, hidden: int) -> None:
    """Write sentences and vectors as Parquet, with a row group for each block."""
    vectors = pa.list_(pa.float32(), hidden)
    schema = pa.schema([pa.field("sentence", pa.string(), False), pa.field("vector", vectors, False)])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for sentences, states in blocks:
            columns = [pa.array(sentences, pa.string()), pa.FixedSizeListArray.from_arrays(states.ravel(), hidden)]
            writer.write_table(pa.Table.from_arrays([columns[0], columns[1].cast(vectors)], schema=schema))


def write_npy(path: Path, blocks: Blocks, hidden: int) -> None:
    """Write the vectors as one array, [N, H]."""
    parts = [np.zeros((0, hidden), np.float32), *(states for _, states in blocks)]
    with path.open("wb") as file:
        np.save(file, np.concatenate(parts))


WRITERS = {".parquet": write_parquet, ".npy": write_npy}
