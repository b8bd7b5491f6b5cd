"""Memory that training needs, from which follows how much of a batch is computed at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from s2s.data.buckets import bucket
from s2s.data.corpus import EncodedCorpus
from s2s.errors import check
from s2s.model.loss import CUDA_BYTES

Numbers = NDArray[np.int32]


def share(pairs: Numbers, rank: int, ranks: int) -> Numbers:
    """Return one process's pairs of a batch, of which all `ranks` processes have equally many, or one fewer."""
    return pairs[rank::ranks]


def cost(source_lengths: NDArray[np.integer], target_lengths: NDArray[np.integer]) -> int:
    """Count the tokens computed for a batch of pairs (0 if empty): sources unpadded, targets padded."""
    return int(source_lengths.sum() + target_lengths.max(initial=0) * len(target_lengths))


def pieces(
    pairs: Numbers, source_lengths: NDArray[np.integer], target_lengths: NDArray[np.integer], piece_tokens: int
) -> list[Numbers]:
    """Divide a share into the fewest pieces that fit, with the largest piece as small as possible.

    Args:
        pairs: pair numbers, [B].
        source_lengths: tokens of each source, [B].
        target_lengths: tokens of each target with </s>, [B].
        piece_tokens: tokens a piece, at most, counted as in `cost`; 0: no limit. A longer pair makes a piece of its
            own.
    """
    if len(pairs) == 0:
        return []
    sources, targets = (np.asarray(lengths, np.int64) for lengths in (source_lengths, target_lengths))
    if piece_tokens == 0 or cost(sources, targets) <= piece_tokens:
        return [pairs]
    single = sources + targets
    low, high = int(single[single <= piece_tokens].max(initial=1)), piece_tokens
    fewest = len(list(ends(sources, targets, high)))
    while low < high:  # bisection for the lowest limit that needs no more pieces
        middle = (low + high) // 2
        if len(list(ends(sources, targets, middle))) == fewest:
            high = middle
        else:
            low = middle + 1
    return np.split(pairs, list(ends(sources, targets, high))[:-1])


def ends(sources: NDArray[np.int64], targets: NDArray[np.int64], limit: int) -> Iterator[int]:
    """Yield the end of each piece if each has as many pairs as fit, one at least."""
    start, total = 0, len(sources)
    while start < total:
        window = slice(start, start + limit)  # no more pairs fit, since each has one token at least
        padded = np.maximum.accumulate(targets[window]) * np.arange(1, len(targets[window]) + 1)
        costs = np.cumsum(sources[window]) + padded
        start += max(1, int(np.searchsorted(costs, limit, side="right")))
        yield start


GIGABYTE = 1e9
STATES = {"sgd": 0, "rmsprop": 1, "adam": 2, "adamw": 2, "adadelta": 2}  # numbers an optimizer keeps for each weight
BACKWARD = 1.5  # bytes of a backward pass for each byte kept by the forward pass, with the gradients of one layer
EXHAUSTED = ("can't allocate memory", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""Texts in the errors of torch's CPU allocator, CUDA, cuBLAS and cuDNN, which have no exception of their own."""
SPARE_BYTES = 300 << 20  # for buffers of libraries, and a CPU's chunk of logits


@dataclass(frozen=True)
class Plan:
    """The memory that training needs on one device."""

    fixed_bytes: int  # of weights, gradients, optimizer and average
    token_bytes: int  # kept by the forward pass for each token, of sources and padded targets together
    batch_tokens: int  # of one process's share of the costliest batch
    piece_tokens: int  # of a piece of a share, at most; 0: a share is one piece

    def __str__(self) -> str:
        """Describe the plan in one line."""
        at_once = min(self.piece_tokens or self.batch_tokens, self.batch_tokens)
        total = self.fixed_bytes + at_once * self.token_bytes * BACKWARD
        pieces = f"in pieces of {self.piece_tokens:,} tokens" if at_once < self.batch_tokens else "in one piece"
        return (
            f"memory: {self.fixed_bytes / GIGABYTE:.2f} GB for weights, gradients and optimizer, "
            f"{self.token_bytes / 1000:.0f} kB a token; the costliest batch of {self.batch_tokens:,} tokens {pieces}, "
            f"about {total / GIGABYTE:.2f} GB"
        )


def fixed_bytes(model: nn.Module, optimizer: str, averaged: bool) -> int:
    """Count the bytes that do not depend on the batch: weights, gradients, the optimizer's state and the average."""
    copies = 2 + STATES[optimizer] + averaged
    return copies * sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def softmax_bytes(output: nn.Linear) -> int:
    """Count the further bytes of the softmax on a GPU: a chunk in two types, and copies and products of its weight."""
    return CUDA_BYTES * 3 // 2 + 10 * output.weight.numel() if output.weight.is_cuda else 0


@contextmanager
def kept_bytes() -> Iterator[list[int]]:
    """Count the bytes that autograd keeps for backward passes inside the block, in the only item of a list."""
    count, counted = [0], set[int]()

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in counted and not isinstance(tensor, nn.Parameter):
            counted.add(storage.data_ptr())
            count[0] += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield count


def costliest(corpus: EncodedCorpus, batch_sentences: int, batch_tokens: int) -> NDArray[np.int32]:
    """Return the bucketed batch with the most tokens, sources and padded targets together.

    Batches of mixed lengths hardly need more memory, because this batch has the longest pairs.
    """
    batches = bucket(corpus, batch_sentences, batch_tokens)
    order, sizes = np.concatenate(batches), np.array([len(batch) for batch in batches])
    starts = np.cumsum(sizes) - sizes
    sources = np.add.reduceat(corpus.source.lengths[order].astype(np.int64), starts)
    targets = sizes * np.maximum.reduceat(corpus.target.lengths[order], starts)
    return batches[int(np.argmax(sources + targets))]


def piece_tokens(memory_gb: float, fixed: int, token_bytes: int, longest_pair: int) -> int:
    """Return the largest number of tokens in a piece under a memory budget, 0 for no limit.

    Args:
        memory_gb: the budget; 0: none.
        fixed: bytes that do not depend on the batch.
        token_bytes: bytes for each token in the forward pass.
        longest_pair: tokens of the longest pair.

    Raises:
        UserError: the budget is too small for the longest pair.
    """
    if memory_gb == 0:
        return 0
    tokens = int((memory_gb * GIGABYTE - fixed - SPARE_BYTES) / (token_bytes * BACKWARD))
    needed = (fixed + SPARE_BYTES + longest_pair * token_bytes * BACKWARD) / GIGABYTE
    check(
        tokens >= longest_pair,
        f"train.memory_gb: found {memory_gb}; expected at least {needed:.2f}, for this model and one pair of "
        f"{longest_pair} tokens",
    )
    return tokens


def is_exhausted(error: BaseException) -> bool:
    """Return whether an error means that a device ran out of memory."""
    is_typed = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return is_typed or any(text in str(error) for text in EXHAUSTED)
