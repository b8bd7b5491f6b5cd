"""Score given translations by teacher forcing, from one to thousands of each source.

Candidates of a source share prefixes. Targets are sorted, so that each distinct prefix is computed once: half of the
multiplications for 20 candidates, and a smaller share for more.

Shapes: N sources or pairs, B targets of a batch, T target length (tokens with </s>), P distinct prefixes, O input size
of the softmax.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s.data.batches import move, pack_sources, padded, within
from s2s.errors import check
from s2s.inference import ensemble
from s2s.model.interface import State
from s2s.model.loss import Softmax
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import EOS, PAD

SOURCES = 256  # sources of a block, whose states are kept: 8 MB with four layers of 1,000
ENCODED = 64  # sources of an encoder batch; changes speed and memory only
SPARSE = 16  # the most padded positions for each prefix of a batch, so that one long target does not pad thousands
Integers = NDArray[np.int64]


@torch.inference_mode()
def score_pairs(
    models: Sequence[Seq2Seq],
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    batch_tokens: int,
    mean: str = "probabilities",
) -> list[NDArray[np.float64]]:
    """Compute the log-probability of each token of each target, given its source.

    Equal sources in a row, as of the hypotheses of an n-best list, are encoded once.

    Args:
        models: models of equal vocabularies, on any devices; dropout is off during the call.
        sources: token ids without </s>, [N]; an empty source is read as </s>.
        targets: token ids without </s>, [N].
        batch_tokens: the most target tokens of a batch, shared prefixes counted once; a longer target is
            a batch of its own.
        mean: mean over the models at each token, as in search: probabilities or log_probabilities.

    Returns:
        For each pair, in order, log-probabilities [T] in nats; the last belongs to </s>.
    """
    scores = [np.zeros(0)] * len(targets)
    with evaluating(models):
        for distinct, owners, rows in blocks(sources):
            states = [encode(model, distinct) for model in models]
            for batch in batches(owners, [targets[row] for row in rows], batch_tokens):
                pairs = zip(models, states, strict=True)
                parts = [prefix_log_probs(model, state, batch).cpu() for model, state in pairs]
                tokens = ensemble.mean(parts, mean).numpy()
                check(np.isfinite(tokens).all(), ensemble.NO_NUMBER)
                ends = np.cumsum(batch.lengths)[:-1]
                for place, log_probs in zip(batch.places, np.split(tokens, ends), strict=True):
                    scores[rows[place]] = log_probs
    return scores


def blocks(
    sources: Sequence[Sequence[int]],
) -> Iterator[tuple[list[Sequence[int]], Integers, range]]:
    """Yield blocks of `SOURCES` distinct sources, each with the source of every pair and the numbers of the pairs."""
    runs = [(source, len(list(run))) for source, run in groupby(sources)]
    end = 0
    for start in range(0, len(runs), SOURCES):
        block = runs[start : start + SOURCES]
        owners = np.repeat(np.arange(len(block)), [size for _, size in block])
        yield [source for source, _ in block], owners, range(end, end + len(owners))
        end += len(owners)


@dataclass(frozen=True)
class Batch:
    """Targets sorted by source, then by ids, so that targets with a common prefix are neighbors."""

    places: list[int]  # indices of the targets within the block, [B]
    owners: Integers  # source of each target, [B]
    lengths: Integers  # tokens with </s>, [B]
    shared: Integers  # length of the prefix shared with the target before; -1: another source, [B]
    targets: Integers  # token ids [T, B], <pad> after </s>


def batches(owners: Integers, targets: Sequence[Sequence[int]], batch_tokens: int) -> Iterator[Batch]:
    """Yield the targets of a block in batches of at most `batch_tokens` distinct prefixes."""
    order = sorted(range(len(targets)), key=lambda row: (owners[row], tuple(targets[row])))
    places: list[int] = []
    shared: list[int] = []
    prefixes = longest = 0
    for row in order:
        same = common(targets[places[-1]], targets[row]) if places and owners[places[-1]] == owners[row] else -1
        size = len(targets[row]) + 1
        longest = max(longest, size)
        full = prefixes + size - same - 1 > batch_tokens or longest * (len(places) + 1) > SPARSE * batch_tokens
        if places and full:
            yield make_batch(places, owners, targets, shared)
            places, shared, prefixes, longest, same = [], [], 0, size, -1
        places.append(row)
        shared.append(same)
        prefixes += size - same - 1
    if places:
        yield make_batch(places, owners, targets, shared)


def common(left: Sequence[int], right: Sequence[int]) -> int:
    """Return the length of the common prefix of two targets."""
    count = 0
    for left_token, right_token in zip(left, right, strict=False):
        if left_token != right_token:
            break
        count += 1
    return count


def make_batch(places: list[int], owners: Integers, targets: Sequence[Sequence[int]], shared: list[int]) -> Batch:
    """Make a padded batch of targets."""
    ids = np.array([token for place in places for token in (*targets[place], EOS)], np.int64)
    lengths = np.array([len(targets[place]) + 1 for place in places])
    inputs = padded(ids, np.cumsum(lengths) - lengths, lengths, PAD)
    return Batch(places, owners[places], lengths, np.array(shared), inputs)


def prefix_log_probs(model: Seq2Seq, state: State, batch: Batch) -> Tensor:
    """Compute one model's log-probability of each token of a batch, target after target, [target tokens], float64.

    Args:
        model: a model in evaluation mode.
        state: encoder states of N sources.
        batch: the targets.
    """
    device = next(model.parameters()).device
    T, B = batch.targets.shape
    step = model.decoder.stepper()
    reads, prefixes, count = [], np.zeros((T, B), np.int64), 0
    places = batch.owners  # index in `state` of each target's prefix
    for length in range(T):
        new = np.flatnonzero((batch.shared < length) & (length < batch.lengths))  # first target of each new prefix
        inputs = batch.targets[length - 1, new] if length else np.full(len(new), EOS)
        chosen = torch.from_numpy(places[new]).to(device)
        read, state = step(torch.from_numpy(inputs).to(device), state.take(chosen, chosen))
        reads.append(read)
        places = np.searchsorted(new, np.arange(B), side="right") - 1  # a prefix belongs to the last new target
        prefixes[length] = count + places
        count += len(new)
    is_text = within(batch.lengths).T
    return chosen_log_probs(model, torch.cat(reads), prefixes.T[is_text], batch.targets.T[is_text])


def chosen_log_probs(model: Seq2Seq, states: Tensor, prefixes: Integers, tokens: Integers) -> Tensor:
    """Compute the log-probabilities of tokens after prefixes, [target tokens].

    Args:
        model: the model.
        states: inputs of the softmax for each prefix, [P, O].
        prefixes: prefix of each token, [target tokens].
        tokens: token ids, [target tokens].
    """
    softmax = Softmax(states, model.decoder.output.weight, model.decoder.output.bias)
    order = np.argsort(prefixes, kind="stable")
    back, prefixes, tokens = np.argsort(order), prefixes[order], tokens[order]
    parts = []
    for part in softmax.chunks:
        first, end = np.searchsorted(prefixes, (part.start, part.stop))
        rows, columns = (torch.from_numpy(ids[first:end]).to(states.device) for ids in (prefixes, tokens))
        parts.append(softmax.log_probs(states[part])[rows - part.start, columns].double())
    return torch.cat(parts).index_select(0, torch.from_numpy(back).to(states.device))


def encode(model: Seq2Seq, sources: Sequence[Sequence[int]]) -> State:
    """Return the encoder's states of all sources; sources of similar length share a batch."""
    device = next(model.parameters()).device
    order = sorted(range(len(sources)), key=lambda row: -len(sources[row]))
    parts = []
    for start in range(0, len(order), ENCODED):
        tensors = [torch.tensor(sources[row], dtype=torch.int64) for row in order[start : start + ENCODED]]
        parts.append(model.encoder(move(pack_sources(tensors, model.architecture.reverse_source), device)))
    back = torch.from_numpy(np.argsort(order)).to(device)
    together = State(*(tuple(map(beside, zip(*part, strict=True))) for part in zip(*parts, strict=True)))
    return together.take(back, back)


def beside(parts: Sequence[Tensor]) -> Tensor:
    """Join parts of states along the batch, padded with zeros to the longest; padding is never attended."""
    longest = max(len(part) for part in parts)
    filled = [torch.cat((part, part.new_zeros(longest - len(part), *part.shape[1:]))) for part in parts]
    return torch.cat(filled, dim=1)


@contextmanager
def evaluating(models: Sequence[Seq2Seq]) -> Iterator[None]:
    """Turn dropout off within the block."""
    before = [model.training for model in models]
    try:
        for model in models:
            model.eval()
        yield
    finally:
        for model, training in zip(models, before, strict=True):
            model.train(training)
