"""Shards of sifted training text, one for each block of raw text, and the rules that compare all of their pairs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.schemas.data.pairs import PAIRS, write_pairs
from pipeline.stages.clean.rules import Scored
from pipeline.workers import mapped
from s2s.corpus import selection
from s2s.progress import Meter

PART_ROWS = 2_000_000  # digests that are sorted at a time, 32 MB
SEED = 1  # of the sample of general text that selection compares with
TOKENS = ["source_tokens", "target_tokens"]
Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Shard:
    """A file of the pairs of a block that no rule for single pairs dropped."""

    corpus: str
    path: Path
    first: int
    """The number of its first pair among those of all shards."""
    rows: int

    @property
    def place(self) -> slice:
        """The positions of its pairs among those of all shards."""
        return slice(self.first, self.first + self.rows)

    def read(self, names: list[str]) -> pa.Table:
        """Read some columns."""
        return pq.read_table(self.path, columns=names, use_threads=False)


def end(shards: Sequence[Shard]) -> int:
    """Return the number of pairs of consecutive shards, counted from the first shard of all."""
    return shards[-1].place.stop if shards else 0


def duplicates(shards: Sequence[Shard]) -> Mask:
    """Return which pairs equal an earlier pair, [pairs]; digests are sorted in parts to bound memory."""
    repeats = np.zeros(end(shards), bool)
    parts = end(shards) // PART_ROWS + 1
    for rows in mapped(partial(repeated, shards, parts), range(parts)):
        repeats[rows] = True
    return repeats


def repeated(shards: Sequence[Shard], parts: int, part: int) -> Integers:
    """Return the positions of pairs that equal an earlier pair, among those whose digest modulo `parts` is `part`."""
    digests, rows = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for shard in shards:
        column = shard.read(["digest"])["digest"].to_numpy()
        mine = np.flatnonzero(column % np.uint64(parts) == part)
        digests.append(column[mine])
        rows.append(mine + shard.first)
    every, numbers = np.concatenate(digests), np.concatenate(rows)
    order = np.argsort(every, kind="stable")
    again: Integers = order[1:][every[order[1:]] == every[order[:-1]]]
    return numbers[again]


def unselected(shards: Sequence[Shard], kept: Mask, percents: Mapping[str, float], near: Sequence[Scored]) -> Mask:
    """Return which pairs are too far from the development set, corpus by corpus (Axelrod et al. 2011), [pairs].

    Args:
        shards: all of them.
        kept: pairs that no rule has dropped so far, [pairs].
        percents: the share of target words to keep, by corpus; other corpora are kept whole.
        near: pairs of the domain that is wanted.
    """
    wanted = pa.table({name: [pair[column] for pair in near] for name, column in zip(TOKENS, (2, 3), strict=True)})
    far = np.zeros(len(kept), bool)
    for corpus, percent in percents.items():
        own = [shard for shard in shards if shard.corpus == corpus]
        first = own[0].first if own else 0
        rows = np.flatnonzero(kept[first : end(own)]).astype(np.int64)
        if len(rows):
            far[first + rows[~nearest(own, rows, percent, wanted)]] = True
    return far


def nearest(own: Sequence[Shard], rows: Integers, percent: float, near: pa.Table) -> Mask:
    """Return which pairs of a corpus are near enough to the development set to be kept, [rows].

    Args:
        own: the shards of the corpus.
        rows: its pairs that no rule has dropped so far, counted from its first.
        percent: the share of their target words to keep.
        near: pairs of the domain that is wanted.
    """
    words = np.concatenate(list(mapped(target_words, own)))[rows]
    drawn = own[0].first + rows[selection.sample(words, int(spaces(near).sum()) + len(near), SEED)]
    selector = selection.learn(texts(near), texts(taken(own, drawn)))
    scores = []
    with Meter(f"select {own[0].corpus}", len(own)) as meter:
        for part in mapped(partial(score, selector), own):
            scores.append(part)
            meter.update(len(scores), f"{len(scores)} files")
    return selection.keep(np.concatenate(scores)[rows], words, percent)


def spaces(pairs: pa.Table) -> NDArray[np.int32]:
    """Return the number of spaces in each target sentence, which is its tokens less one."""
    counts: NDArray[np.int32] = pc.count_substring(pairs[TOKENS[1]], " ").to_numpy()
    return counts


def texts(pairs: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Return both sides as tokens."""
    return pairs[TOKENS[0]], pairs[TOKENS[1]]


def target_words(shard: Shard) -> NDArray[np.int32]:
    """Return the number of tokens of each target sentence of a shard."""
    return spaces(shard.read(TOKENS[1:])) + 1


def taken(shards: Iterable[Shard], rows: Integers) -> pa.Table:
    """Read the tokens of some pairs, whose positions ascend."""
    parts = []
    for shard in shards:
        low, high = np.searchsorted(rows, (shard.place.start, shard.place.stop))
        if low < high:
            parts.append(shard.read(TOKENS).take(rows[low:high] - shard.first))
    return pa.concat_tables(parts)


def score(selector: selection.Selector, shard: Shard) -> NDArray[np.float32]:
    """Return the distance of each pair of a shard from the development set."""
    return selector.score(*texts(shard.read(TOKENS)))


def write_train(folder: Path, shards: Sequence[Shard], dropped: Iterable[Mask]) -> int:
    """Write the pairs that no rule dropped, one file for each shard, in parallel; return their number."""
    folder.mkdir(parents=True)
    kept = ~np.logical_or.reduce([np.zeros(end(shards), bool), *dropped])
    first, jobs = 0, []
    for number, shard in enumerate(shards):
        mask = kept[shard.place]
        jobs.append((shard, folder / f"{number:05}.parquet", first, mask))
        first += int(mask.sum())
    with Meter("clean: write", len(jobs)) as meter:
        for done, _ in enumerate(mapped(write_shard, jobs), start=1):
            meter.update(done, f"{done} files")
    return first


def write_shard(job: tuple[Shard, Path, int, Mask]) -> None:
    """Write the kept pairs of one shard."""
    shard, out, first, kept = job
    write_pairs(out, first, shard.read(PAIRS.names[1:]).filter(pa.array(kept)))
