"""Updates: the gradient of a batch, computed in pieces by one or more processes, and the optimizer's step.

An update has the same batch on any hardware. Each process computes a share of it, in pieces that fit into memory, and
all gradients are summed and divided once. So the division changes only rounding and the draws of dropout.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s.data.batches import Batch, make_batch
from s2s.data.corpus import EncodedCorpus
from s2s.errors import check
from s2s.model.loss import linear_cross_entropy
from s2s.model.seq2seq import Seq2Seq
from s2s.training import memory
from s2s.training.averaging import Average
from s2s.training.memory import cost, pieces, share
from s2s.training.processes import GradientSum, World
from s2s.training.recipe import Recipe, clip_gradient, make_optimizer, step


@dataclass(frozen=True)
class Share:
    """The part of a batch that one process computes, with sizes of the whole batch."""

    pairs: NDArray[np.int32]  # of the whole batch
    pieces: list[Batch]  # of the share
    piece_tokens: int  # the limit by which the pieces were made
    source_tokens: int  # of the whole batch
    target_tokens: int  # of the whole batch, with </s>


class Updater:
    """A maker of updates of one model by one recipe."""

    def __init__(
        self, model: Seq2Seq, recipe: Recipe, corpus: EncodedCorpus, seed: int, device: torch.device, world: World
    ) -> None:
        self.model, self.recipe, self.corpus, self.seed = model.to(device), recipe, corpus, seed
        self.device, self.world = device, world
        self.optimizer = make_optimizer(model.parameters(), recipe)
        self.average = Average(model, recipe.average_updates) if recipe.average_updates else None
        self.gradients = GradientSum(model.parameters(), world)
        self.piece_tokens = 0  # of a piece of a share, at most; 0: a share is one piece

    def share(self, pairs: NDArray[np.int32]) -> Share:
        """Gather this process's share of a batch, possibly in a thread while the share before is computed."""
        limit = self.piece_tokens
        own_pairs = share(pairs, self.world.rank, self.world.size)
        batches = []
        for piece in pieces(own_pairs, *self.lengths(own_pairs), limit):
            batch = make_batch(self.corpus, piece, self.model.architecture.reverse_source)
            batches.append(batch.pin() if self.device.type == "cuda" else batch)
        source, target = self.lengths(pairs)
        return Share(pairs, batches, limit, int(source.sum()), int(target.sum()))

    def lengths(self, pairs: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of source and target tokens of pairs, [B] each."""
        return self.corpus.source.lengths_of(pairs), self.corpus.target.lengths_of(pairs)

    def update(self, share: Share, number: int, rate: float) -> tuple[Tensor, Tensor]:
        """Make an update with one batch, unless its loss or gradient is not finite.

        Args:
            share: this process's share of the batch.
            number: of the update; with the seed it decides the draws of dropout.
            rate: the learning rate.

        Returns:
            The log-loss of the whole batch, in nats and summed over tokens, and the norm of its gradient, scalars on
            the device.
        """
        log_loss = self.accumulate(share, number)
        norm = clip_gradient(self.model.parameters(), self.recipe.clip_norm) + 0.0 * log_loss
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        step(self.optimizer, norm)
        if self.average is not None:
            self.average.add()
        return log_loss, norm

    def accumulate(self, share: Share, number: int) -> Tensor:
        """Compute the gradient of a batch, in the parameters' `grad`, and return its summed log-loss.

        If memory runs out, the batch is computed again in smaller pieces.

        Raises:
            UserError: memory is too small for a single pair.
        """
        while True:
            if share.piece_tokens != self.piece_tokens:  # it was gathered before memory ran out
                share = self.share(share.pairs)
            self.seed_dropout(number)
            self.gradients.start()
            log_loss = self.descend(share)
            self.gradients.finish()
            if not self.world.any(log_loss is None)[0]:
                assert log_loss is not None
                return self.world.sum(log_loss)
            self.make_pieces_smaller(share.pairs, number)

    def seed_dropout(self, number: int) -> None:
        """Seed dropout by seed, update and process, so that checkpoints need no random state."""
        key = np.random.SeedSequence((self.seed, number, self.world.rank))
        torch.manual_seed(int(key.generate_state(1, np.uint64)[0]))

    def descend(self, share: Share) -> Tensor | None:
        """Run all pieces forward and backward, and return their summed log-loss, or None if memory ran out."""
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        divisor = share.target_tokens if self.recipe.normalize_loss == "tokens" else self.recipe.batch_sentences
        try:
            for count, piece in enumerate(share.pieces, start=1):
                if count == len(share.pieces) and self.recipe.bptt_tokens == 0:
                    self.gradients.expect_last()
                self.backward(piece.to(self.device, non_blocking=True), divisor, total)
        except (RuntimeError, MemoryError) as error:
            if not memory.is_exhausted(error):
                raise
            return None
        return total

    def backward(self, batch: Batch, divisor: int, total: Tensor) -> None:
        """Add the gradient of a piece's loss, divided by `divisor`, to the parameters', and its log-loss to `total`."""
        recipe, output = self.recipe, self.model.decoder.output
        with self.precision():
            for states, right_tokens in self.model.segments(batch, recipe.bptt_tokens):
                loss, log_loss = linear_cross_entropy(states, output, right_tokens, recipe.label_smoothing, 1 / divisor)
                torch.autograd.backward(loss)
                total += log_loss

    def precision(self) -> torch.autocast:
        """Return an autocast to bfloat16, enabled for mixed precision on a GPU."""
        is_mixed = self.recipe.mixed_precision and self.device.type == "cuda"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=is_mixed)

    def make_pieces_smaller(self, pairs: NDArray[np.int32], number: int) -> None:
        """Halve the size of pieces in all processes, because one of them ran out of memory."""
        self.gradients.start()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        longest = self.longest_pair(pairs)
        before = min(self.piece_tokens or math.inf, cost(*self.lengths(pairs)))
        check(
            before > longest,
            f"update {number}: found no memory for one pair of {longest} tokens; "
            "expected room for it, lower model.hidden, clean.max_words or the vocabularies",
        )
        self.piece_tokens = max(longest, int(before) // 2)

    def longest_pair(self, pairs: NDArray[np.int32]) -> int:
        """Return the largest number of tokens in a pair, source and target together."""
        source, target = self.lengths(pairs)
        return int((source + target).max())

    def plan(self) -> memory.Plan:
        """Choose the size of pieces by counting bytes and by trying the costliest batch.

        Raises:
            UserError: the budget, or the device's memory, is too small for a single pair.
        """
        recipe = self.recipe
        pairs = memory.costliest(self.corpus, recipe.batch_sentences, recipe.batch_tokens)
        fixed = memory.fixed_bytes(self.model, recipe.optimizer, self.average is not None)
        fixed += memory.softmax_bytes(self.model.decoder.output)
        token_bytes = self.count_token_bytes(pairs)
        limit = memory.piece_tokens(recipe.memory_gb, fixed, token_bytes, self.longest_pair(pairs))
        self.piece_tokens = min((tokens for tokens in (limit, self.piece_tokens) if tokens), default=0)
        self.accumulate(self.share(pairs), 0)
        self.gradients.start()
        own_pairs = share(pairs, self.world.rank, self.world.size)
        return memory.Plan(fixed, token_bytes, cost(*self.lengths(own_pairs)), self.piece_tokens)

    def count_token_bytes(self, pairs: NDArray[np.int32]) -> int:
        """Count the bytes that a forward pass keeps for each further token."""
        (few, small), (many, large) = (self.kept_bytes(pairs[:count]) for count in (2, 4))
        return (large - small) // (many - few) if many > few else large // many

    def kept_bytes(self, pairs: NDArray[np.int32]) -> tuple[int, int]:
        """Return the number of tokens of some pairs, and the bytes that a forward pass over them keeps."""
        batch = make_batch(self.corpus, pairs, self.model.architecture.reverse_source).to(self.device)
        with memory.kept_bytes() as kept, self.precision():
            states = list(self.model.segments(batch, 0))
        del states
        return cost(*self.lengths(pairs)), kept[0]
