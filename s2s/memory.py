"""How much of a batch fits into memory at a time: counted before the first step, and tried.

Shapes: B batch, S source length, T target length, N tokens.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from s2s.data import EncodedCorpus, bucket
from s2s.errors import check
from s2s.loss import CUDA_BYTES

GIGABYTE = 1e9
STATES = {"sgd": 0, "rmsprop": 1, "adam": 2, "adamw": 2, "adadelta": 2}  # numbers an optimiser keeps for each weight
BACKWARD = 1.5  # a backward pass needs what the forward one kept and, of a layer at a time, gradients of it
EXHAUSTED = ("can't allocate memory", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""What torch's CPU allocator, CUDA, cuBLAS and cuDNN say, none of them by an exception of its own."""
SPARE_BYTES = 300 << 20  # of buffers in libraries, and of a CPU's chunk of the softmax


@dataclass(frozen=True)
class Plan:
    """What training will take of one device's memory."""

    fixed_bytes: int  # weights, gradients, optimiser, average
    token_bytes: int  # what the forward pass keeps for a token, source and padded target counted together
    batch_tokens: int  # of the costliest batch, the share of one process
    piece_tokens: int  # a share is computed in pieces of at most so many; 0: as it is

    def __str__(self) -> str:
        """As a person reads it."""
        at_once = min(self.piece_tokens or self.batch_tokens, self.batch_tokens)
        total = self.fixed_bytes + at_once * self.token_bytes * BACKWARD
        pieces = f"in pieces of {self.piece_tokens:,} tokens" if at_once < self.batch_tokens else "in one piece"
        return (
            f"memory: {self.fixed_bytes / GIGABYTE:.2f} GB for weights, gradients and optimizer, "
            f"{self.token_bytes / 1000:.0f} kB a token; the costliest batch of {self.batch_tokens:,} tokens {pieces}, "
            f"about {total / GIGABYTE:.2f} GB"
        )


def fixed_bytes(model: nn.Module, optimizer: str, averaged: bool) -> int:
    """Bytes that do not depend on the batch: weights, gradients, the optimiser's state and the average."""
    copies = 2 + STATES[optimizer] + averaged
    return copies * sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def softmax_bytes(output: nn.Linear) -> int:
    """What a GPU needs for the softmax beside all that: a chunk in two types, and the weight's copies and products."""
    return CUDA_BYTES * 3 // 2 + 10 * output.weight.numel() if output.weight.is_cuda else 0


@contextmanager
def kept_bytes() -> Iterator[list[int]]:
    """Counts the bytes that autograd keeps for backward passes of what runs meanwhile; the list's one number grows."""
    count, seen = [0], set[int]()

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen and not isinstance(tensor, nn.Parameter):
            seen.add(storage.data_ptr())
            count[0] += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield count


def costliest(corpus: EncodedCorpus, batch_sentences: int, batch_tokens: int) -> NDArray[np.int32]:
    """The batch of the most tokens, source and padded target counted together, of those of about equal length.

    The longest pairs are in it, so that batches of any lengths hardly take more.
    """
    batches = bucket(corpus, batch_sentences, batch_tokens)
    order, sizes = np.concatenate(batches), np.array([len(batch) for batch in batches])
    starts = np.cumsum(sizes) - sizes
    sources = np.add.reduceat(corpus.source.lengths[order].astype(np.int64), starts)
    targets = sizes * np.maximum.reduceat(corpus.target.lengths[order], starts)
    return batches[int(np.argmax(sources + targets))]


def piece_tokens(memory_gb: float, fixed: int, token_bytes: int, longest_pair: int) -> int:
    """How many tokens a piece may have under a budget; 0 means as many as there are.

    Raises:
        UserError: the budget does not hold the longest pair.
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
    """Whether an error says that memory, of whichever device, ran out."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or any(words in str(error) for words in EXHAUSTED)
