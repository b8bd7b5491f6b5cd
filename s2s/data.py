"""Encoded sentence pairs on disk, memory-mapped, and the batches that training and evaluation read.

Shapes: B batch, S source length, T target length (tokens with </s>), N pairs or, in a batch, target tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from s2s.buckets import Cell, cells, cut
from s2s.errors import UserError, check
from s2s.vocabulary import EOS, PAD

SIDES = ("source", "target")


@dataclass(frozen=True)
class Side:
    """One language of a split: all token ids in a row, and where each sentence starts."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __getitem__(self, pair: int) -> Tensor:
        """The ids of one sentence, int64."""
        start, end = self.offsets[pair], self.offsets[pair + 1]
        return torch.from_numpy(self.ids[start:end].astype(np.int64))

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each sentence, [N]. It reads all offsets: 0.1 s for 36 million; `lengths_of` reads a few."""
        return np.subtract(self.offsets[1:], self.offsets[:-1], out=np.empty(len(self.offsets) - 1, np.int32))

    def lengths_of(self, pairs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Tokens of the sentences of some pairs, [B]."""
        return np.asarray(self.offsets[pairs + 1] - self.offsets[pairs])


@dataclass(frozen=True)
class EncodedCorpus:
    """The pairs of one split. Opening it maps files into memory and reads none of them."""

    source: Side
    target: Side
    order: NDArray[np.int32]  # the numbers of the pairs by source length, then target length, then number, [N]

    @classmethod
    def open(cls, folder: Path, split: str) -> "EncodedCorpus":
        """Opens what `SplitWriter` wrote.

        Raises:
            UserError: a file is absent or damaged, or the files do not belong together.
        """
        source, target = (
            Side(*(mapped(folder, split, f"{side}_{name}") for name in ("ids", "offsets"))) for side in SIDES
        )
        order = mapped(folder, split, "order")
        check(
            len(source.offsets) == len(target.offsets),
            f"{folder}: {split} has {len(source.offsets) - 1} sources and {len(target.offsets) - 1} targets; "
            "expected as many of each",
        )
        check(
            len(order) == len(source.offsets) - 1,
            f"{folder}: {split} has an order of {len(order)} pairs; expected {len(source.offsets) - 1}, one for each",
        )
        return cls(source, target, order)

    def __len__(self) -> int:
        return len(self.source.offsets) - 1


def mapped(folder: Path, split: str, name: str) -> NDArray[Any]:
    """Maps an array into memory."""
    path = folder / f"{split}.{name}.npy"
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); expected what the encode stage writes") from None
    return array


@dataclass(frozen=True)
class Batch:
    """Sentence pairs that are computed together.

    The decoder reads `target_inputs` (</s>, then the words) and has to say `targets` (the words, then </s>). Where text
    stands is counted on the host, so that to choose it a GPU need not be waited for, as it must for a mask.
    """

    sources: PackedSequence  # no position of it is padding
    target_inputs: Tensor  # [T, B], <pad> after the end
    targets: Tensor  # [T, B], <pad> after the end
    text: Tensor  # [N], the positions in [T * B] that are not padding, rising: step by step
    right_tokens: Tensor  # [N], the targets at these positions
    step_starts: NDArray[np.int64]  # [T + 1], on the host: the first of these positions at each step, and at last N

    @property
    def source_tokens(self) -> int:
        """Tokens that the encoder reads."""
        return len(self.sources.data)

    @property
    def target_tokens(self) -> int:
        """Tokens that the decoder has to say: with </s>, without padding."""
        return len(self.right_tokens)

    @property
    def is_text(self) -> Tensor:
        """Which target positions are not padding, [T, B]."""
        return self.targets != PAD

    def to(self, device: torch.device, non_blocking: bool = False) -> "Batch":
        """The same batch on another device; `non_blocking` copies a pinned batch while the caller goes on."""
        return self.each(lambda part: part.to(device, non_blocking=non_blocking))

    def pin(self) -> "Batch":
        """The same batch in memory that a GPU reads by itself."""
        return self.each(lambda part: part.pin_memory())

    def each(self, change: Callable[[Any], Any]) -> "Batch":
        """The same batch with all tensors changed."""
        names = ("sources", "target_inputs", "targets", "text", "right_tokens")
        return replace(self, **{name: change(getattr(self, name)) for name in names})


def move(packed: PackedSequence, device: torch.device) -> PackedSequence:
    """The same packed sentences on another device."""
    return packed.to(device)  # type: ignore[arg-type]  # torch's stub knows only dtypes


def make_batch(corpus: EncodedCorpus, pairs: Sequence[int] | NDArray[np.integer], reverse_source: bool) -> Batch:
    """Gathers the named pairs of a corpus into one batch: a millisecond or two for a thousand."""
    numbers = np.asarray(pairs, np.int64)
    source, target = corpus.source, corpus.target
    lengths = target.lengths_of(numbers)
    targets = padded(target.ids, target.offsets[numbers], lengths, PAD)  # [T, B]
    is_text = within(lengths)
    inputs = np.where(is_text, np.vstack((np.full_like(targets[:1], EOS), targets[:-1])), PAD)  # [T, B]
    return Batch(
        sources=pack(source.ids, source.offsets[numbers], source.lengths_of(numbers), reverse_source),
        target_inputs=torch.from_numpy(inputs),
        targets=torch.from_numpy(targets),
        text=torch.from_numpy(np.flatnonzero(is_text)),
        right_tokens=torch.from_numpy(targets[is_text]),
        step_starts=np.append(0, np.cumsum(is_text.sum(axis=1))),
    )


def pack_sources(sentences: Sequence[Tensor], reverse: bool) -> PackedSequence:
    """Packs source sentences, as `pack` does those of a corpus."""
    lengths = np.array([len(sentence) for sentence in sentences], np.int64)
    return pack(torch.cat(list(sentences)).numpy(), np.cumsum(lengths) - lengths, lengths, reverse)


def pack(
    ids: NDArray[np.integer], starts: NDArray[np.int64], lengths: NDArray[np.int64], reverse: bool
) -> PackedSequence:
    """Packs source sentences, read last word to first if `reverse` (Sutskever et al. 2014, section 3.3).

    The decoder's first input is the </s> of the source, as in the paper's Figure 1, so it is not read here; an
    empty sentence is read as that one </s>.

    Args:
        ids: the tokens of a corpus in a row.
        starts: where each sentence starts in them, [B].
        lengths: how many tokens each has, [B].
        reverse: the order of reading.
    """
    order = np.argsort(-lengths, kind="stable")  # packing wants the longest first
    words = padded(ids, starts[order], lengths[order], EOS, reverse)  # [S, B]
    is_read = within(np.maximum(lengths[order], 1))  # [S, B]
    moved = (order[1:] < order[:-1]).any()  # sentences in order, as those of one length, need not be moved to and fro
    return PackedSequence(
        torch.from_numpy(words[is_read]),
        torch.from_numpy(is_read.sum(axis=1)),
        torch.from_numpy(order) if moved else None,
        torch.from_numpy(np.argsort(order)) if moved else None,
    )


def padded(
    ids: NDArray[np.integer],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    padding: int,
    reverse: bool = False,
) -> NDArray[np.int64]:
    """Sentences side by side, the first token (the last, if `reverse`) on top and `padding` below, [S or T, B]."""
    is_text = within(lengths)
    steps = np.arange(len(is_text))[:, None]
    places = starts + (lengths - 1 - steps if reverse else steps)
    words = np.full(is_text.shape, padding, np.int64)
    words[is_text] = ids[places[is_text]]
    return words


def within(lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which positions belong to sentences of these lengths, [S or T, B]; at least one row."""
    return np.asarray(np.arange(max(1, lengths.max()))[:, None] < lengths)


def bucket(
    corpus: EncodedCorpus, batch_sentences: int, batch_tokens: int, shuffle: np.random.Generator | None = None
) -> list[NDArray[np.int32]]:
    """Cuts a corpus into batches of about equal length (Sutskever et al. 2014, section 3.4).

    Args:
        corpus: the pairs.
        batch_sentences: at most so many pairs a batch.
        batch_tokens: at most so many target tokens a batch, each sentence counted as long as the longest; a longer
            sentence makes a batch of its own.
        shuffle: draws the order among pairs of equal length and the order of the batches; without it both are fixed.

    Returns:
        The numbers of the pairs of each batch; every pair is in one of them.
    """
    order, found = np.array(corpus.order), list(cells(corpus.order, corpus.source.offsets, corpus.target.offsets))
    if shuffle is not None:
        for before, cell in pairwise((Cell(0, 0, 0), *found)):
            shuffle.shuffle(order[before.end : cell.end])
    bounds = [0, *cut(found, batch_sentences, batch_tokens)]
    batches = [order[start:end] for start, end in pairwise(bounds)]
    if shuffle is not None:
        batches = [batches[number] for number in shuffle.permutation(len(batches))]
    return batches


def mixed(
    corpus: EncodedCorpus, batch_sentences: int, batch_tokens: int, shuffle: np.random.Generator
) -> list[NDArray[np.int32]]:
    """Cuts a corpus into batches of any lengths: what `bucket` is there to avoid, to be compared with it.

    Args and what is returned are those of `bucket`.
    """
    order = shuffle.permutation(len(corpus)).astype(np.int32)
    bounds = [0]
    while bounds[-1] < len(order):
        targets = corpus.target.lengths_of(order[bounds[-1] : bounds[-1] + batch_sentences])
        tokens = np.maximum.accumulate(targets) * np.arange(1, len(targets) + 1)  # of the first 1, 2, .. with padding
        bounds.append(bounds[-1] + max(1, int(np.searchsorted(tokens, batch_tokens, side="right"))))
    return [order[start:end] for start, end in pairwise(bounds)]
