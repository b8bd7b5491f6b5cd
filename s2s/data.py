"""Encoded sentence pairs on disk, memory-mapped, and the batches that training and evaluation read.

Shapes: B batch, S source length, T target length (tokens with </s>), N pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_sequence

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
        """Tokens of each sentence, [N]."""
        return np.subtract(self.offsets[1:], self.offsets[:-1], out=np.empty(len(self.offsets) - 1, np.int32))


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

    The decoder reads `target_inputs` (</s>, then the words) and has to say `targets` (the words, then </s>).
    """

    sources: PackedSequence  # no position of it is padding
    target_inputs: Tensor  # [T, B], <pad> after the end
    targets: Tensor  # [T, B], <pad> after the end
    target_tokens: int  # with </s>, without padding

    @property
    def source_tokens(self) -> int:
        """Tokens that the encoder reads."""
        return len(self.sources.data)

    @property
    def is_text(self) -> Tensor:
        """Which target positions are not padding, [T, B]."""
        return self.targets != PAD

    @property
    def right_tokens(self) -> Tensor:
        """The targets without padding, [target_tokens], in the order of the model's logits."""
        return self.targets[self.is_text]

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        parts = move(self.sources, device), self.target_inputs.to(device), self.targets.to(device)
        return Batch(*parts, self.target_tokens)


def move(packed: PackedSequence, device: torch.device) -> PackedSequence:
    """The same packed sentences on another device."""
    return packed.to(device)  # type: ignore[arg-type]  # torch's stub knows only dtypes


def pack_sources(sentences: Sequence[Tensor], reverse: bool) -> PackedSequence:
    """Packs source sentences, read last word to first if `reverse` (Sutskever et al. 2014, section 3.3).

    The decoder's first input is the </s> of the source, as in the paper's Figure 1, so it is not read here; an
    empty sentence is read as that one </s>.
    """
    filled = [sentence if len(sentence) else torch.tensor([EOS]) for sentence in sentences]
    return pack_sequence([sentence.flip(0) if reverse else sentence for sentence in filled], enforce_sorted=False)


def make_batch(corpus: EncodedCorpus, pairs: Sequence[int], reverse_source: bool) -> Batch:
    """Gathers the named pairs of a corpus into one batch."""
    sentences = [corpus.target[pair] for pair in pairs]
    targets = pad_sequence(sentences, padding_value=PAD)  # [T, B]
    ends = torch.full((1, len(pairs)), EOS)
    return Batch(
        sources=pack_sources([corpus.source[pair] for pair in pairs], reverse_source),
        target_inputs=torch.cat((ends, targets[:-1])).masked_fill(targets == PAD, PAD),
        targets=targets,
        target_tokens=sum(map(len, sentences)),
    )


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
    order = np.array(corpus.order)
    sources, targets = corpus.source.lengths[order], corpus.target.lengths[order]
    if shuffle is not None:
        longer = (np.diff(sources) != 0) | (np.diff(targets) != 0)
        for alike in np.split(order, np.flatnonzero(longer) + 1):
            shuffle.shuffle(alike)
    batches = list(cut(order, sources, targets, batch_sentences, batch_tokens))
    if shuffle is not None:
        batches = [batches[number] for number in shuffle.permutation(len(batches))]
    return batches


def cut(
    order: NDArray[np.int32],
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    batch_sentences: int,
    batch_tokens: int,
) -> Iterator[NDArray[np.int32]]:
    """Cuts an order of pairs into runs within both limits; `sources` and `targets` are the lengths in that order.

    Sources of one length are computed in one piece, up to twice as fast as mixed ones, so a run ends where the length
    changes, unless it would be shorter than a quarter of the limit.
    """
    start = 0
    while start < len(order):
        lengths = sources[start : start + batch_sentences]
        size = int(np.searchsorted(lengths, lengths[0], side="right"))
        size = size if 4 * size >= len(lengths) else len(lengths)
        padded = np.maximum.accumulate(targets[start : start + size]) * np.arange(1, size + 1)
        size = max(1, int(np.searchsorted(padded, batch_tokens, side="right")))
        yield order[start : start + size]
        start += size
