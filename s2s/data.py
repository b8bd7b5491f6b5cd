"""Memory-mapped corpora of encoded sentence pairs, and the batches that are made of them.

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
    """One language of a split."""

    ids: NDArray[np.int32]  # all tokens in a row
    offsets: NDArray[np.int64]  # the start of each sentence in `ids`, and the end of the last, [N + 1]

    def __getitem__(self, pair: int) -> Tensor:
        """Return the ids of one sentence, int64."""
        start, end = self.offsets[pair], self.offsets[pair + 1]
        return torch.from_numpy(self.ids[start:end].astype(np.int64))

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each sentence, [N], from all offsets, which takes 0.1 s for 36 million."""
        return np.subtract(self.offsets[1:], self.offsets[:-1], out=np.empty(len(self.offsets) - 1, np.int32))

    def lengths_of(self, pairs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the number of tokens of some sentences, [B]."""
        return np.asarray(self.offsets[pairs + 1] - self.offsets[pairs])


@dataclass(frozen=True)
class EncodedCorpus:
    """The pairs of one split, in files that are mapped into memory and read where needed."""

    source: Side
    target: Side
    order: NDArray[np.int32]  # pair numbers sorted by source length, then target length, then number, [N]

    @classmethod
    def open(cls, folder: Path, split: str) -> "EncodedCorpus":
        """Open the files that `SplitWriter` wrote.

        Raises:
            UserError: a file is missing or damaged, or the files do not belong together.
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
    """Map an array of a split into memory."""
    path = folder / f"{split}.{name}.npy"
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); expected what the encode stage writes") from None
    return array


@dataclass(frozen=True)
class Batch:
    """Sentence pairs that are computed together.

    The decoder reads `target_inputs` (</s>, then the words) and is to predict `targets` (the words, then </s>).
    Non-padding positions are computed on the CPU, because boolean masking would synchronize the GPU.
    """

    sources: PackedSequence  # without padding
    target_inputs: Tensor  # [T, B], <pad> after the end
    targets: Tensor  # [T, B], <pad> after the end
    text: Tensor  # [N], the positions in [T * B] that are not padding, ascending, so step by step
    right_tokens: Tensor  # [N], the targets at these positions
    step_starts: NDArray[np.int64]  # [T + 1], on the CPU: the index in `text` where each step starts, and N

    @property
    def source_tokens(self) -> int:
        """Number of tokens that the encoder reads."""
        return len(self.sources.data)

    @property
    def target_tokens(self) -> int:
        """Number of tokens that the decoder is to predict: with </s>, without padding."""
        return len(self.right_tokens)

    @property
    def is_text(self) -> Tensor:
        """Mask of the target positions that are not padding, [T, B]."""
        return self.targets != PAD

    def to(self, device: torch.device, non_blocking: bool = False) -> "Batch":
        """Copy the batch to a device, for a pinned batch in the background if `non_blocking`."""
        return self.each(lambda part: part.to(device, non_blocking=non_blocking))

    def pin(self) -> "Batch":
        """Copy the batch to pinned memory, from which a GPU copies by itself."""
        return self.each(lambda part: part.pin_memory())

    def each(self, change: Callable[[Any], Any]) -> "Batch":
        """Return the batch with all tensors changed by a function."""
        names = ("sources", "target_inputs", "targets", "text", "right_tokens")
        return replace(self, **{name: change(getattr(self, name)) for name in names})


def move(packed: PackedSequence, device: torch.device) -> PackedSequence:
    """Copy packed sentences to a device."""
    return packed.to(device)  # type: ignore[arg-type]  # torch's stub knows only dtypes


def make_batch(corpus: EncodedCorpus, pairs: Sequence[int] | NDArray[np.integer], reverse_source: bool) -> Batch:
    """Gather pairs of a corpus into a batch, which takes one or two milliseconds for a thousand."""
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
    """Pack source sentences that are tensors, as `pack` does for those of a corpus."""
    lengths = np.array([len(sentence) for sentence in sentences], np.int64)
    return pack(torch.cat(list(sentences)).numpy(), np.cumsum(lengths) - lengths, lengths, reverse)


def pack(
    ids: NDArray[np.integer], starts: NDArray[np.int64], lengths: NDArray[np.int64], reverse: bool
) -> PackedSequence:
    """Pack source sentences, the last word first if `reverse` (Sutskever et al. 2014, section 3.3).

    The </s> of the source is the decoder's first input, as in the paper's Figure 1, so it is left out here; only an
    empty sentence is packed as </s>.

    Args:
        ids: all tokens of a corpus in a row.
        starts: index of each sentence's first token, [B].
        lengths: tokens of each sentence, [B].
        reverse: whether sentences are read from the last word to the first.
    """
    order = np.argsort(-lengths, kind="stable")  # packing wants the longest first
    words = padded(ids, starts[order], lengths[order], EOS, reverse)  # [S, B]
    is_read = within(np.maximum(lengths[order], 1))  # [S, B]
    is_moved = (order[1:] < order[:-1]).any()  # if not, as with equal lengths, nothing has to be reordered later
    return PackedSequence(
        torch.from_numpy(words[is_read]),
        torch.from_numpy(is_read.sum(axis=1)),
        torch.from_numpy(order) if is_moved else None,
        torch.from_numpy(np.argsort(order)) if is_moved else None,
    )


def padded(
    ids: NDArray[np.integer],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    padding: int,
    reverse: bool = False,
) -> NDArray[np.int64]:
    """Return sentences as columns, their first token (last, if `reverse`) on top and `padding` below, [S or T, B]."""
    is_text = within(lengths)
    steps = np.arange(len(is_text))[:, None]
    places = starts + (lengths - 1 - steps if reverse else steps)
    words = np.full(is_text.shape, padding, np.int64)
    words[is_text] = ids[places[is_text]]
    return words


def within(lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the mask of positions inside sentences of these lengths, [S or T, B], with one row at least."""
    return np.asarray(np.arange(max(1, lengths.max()))[:, None] < lengths)


def bucket(
    corpus: EncodedCorpus, batch_sentences: int, batch_tokens: int, shuffle: np.random.Generator | None = None
) -> list[NDArray[np.int32]]:
    """Divide a corpus into batches of pairs of about equal length (Sutskever et al. 2014, section 3.4).

    Args:
        corpus: the pairs.
        batch_sentences: pairs a batch, at most.
        batch_tokens: target tokens a batch with padding, at most; a longer sentence makes a batch of its own.
        shuffle: draws the order of pairs of equal length and the order of batches; None: both are fixed.

    Returns:
        The pair numbers of each batch; every pair is in exactly one batch.
    """
    order = np.array(corpus.order)
    runs = list(cells(corpus.order, corpus.source.offsets, corpus.target.offsets))
    if shuffle is not None:
        for before, cell in pairwise((Cell(0, 0, 0), *runs)):
            shuffle.shuffle(order[before.end : cell.end])
    bounds = [0, *cut(runs, batch_sentences, batch_tokens)]
    batches = [order[start:end] for start, end in pairwise(bounds)]
    if shuffle is not None:
        batches = [batches[number] for number in shuffle.permutation(len(batches))]
    return batches


def mixed(
    corpus: EncodedCorpus, batch_sentences: int, batch_tokens: int, shuffle: np.random.Generator
) -> list[NDArray[np.int32]]:
    """Divide a corpus into batches of pairs of any lengths, for comparison with `bucket`.

    The arguments and the result are those of `bucket`.
    """
    order = shuffle.permutation(len(corpus)).astype(np.int32)
    bounds = [0]
    while bounds[-1] < len(order):
        targets = corpus.target.lengths_of(order[bounds[-1] : bounds[-1] + batch_sentences])
        tokens = np.maximum.accumulate(targets) * np.arange(1, len(targets) + 1)  # of the first 1, 2, .. pairs, padded
        bounds.append(bounds[-1] + max(1, int(np.searchsorted(tokens, batch_tokens, side="right"))))
    return [order[start:end] for start, end in pairwise(bounds)]
