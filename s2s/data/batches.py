"""Batches of encoded sentence pairs: drawn by bucket and seed, padded, and shared among processes.

Shapes: B batch, S source length, T target length (tokens with </s>), N pairs or, in a batch, target tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from s2s.data.corpus import EncodedCorpus
from s2s.text.vocabulary import EOS, PAD


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
