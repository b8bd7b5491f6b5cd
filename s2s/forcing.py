"""Teacher forcing: what models say of each token of given translations, one or a thousand of each source.

Candidates of one source begin alike. So targets are put in order, and what follows a beginning that several have, a
prefix, is computed once: half of the products for 20 candidates, and less for more.

Shapes: N sources or pairs, B targets of a batch, T target length (tokens with </s>), P distinct prefixes, O what the
softmax reads.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s import ensemble
from s2s.data import move, pack_sources, padded, within
from s2s.loss import Softmax
from s2s.model import Seq2Seq
from s2s.network.interface import State
from s2s.vocabulary import EOS, PAD

SOURCES = 256  # whose states are kept while their targets are scored: 8 MB with four layers of 1,000
ENCODED = 64  # sources that are read together; only speed and memory depend on it
SPARSE = 16  # positions of a batch, with padding, for each prefix, at most: one long target must not pad thousands
Integers = NDArray[np.int64]


@torch.inference_mode()
def score_pairs(
    models: Sequence[Seq2Seq],
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    batch_tokens: int,
    mean: str = "probabilities",
) -> list[NDArray[np.float64]]:
    """The log-probability of each token of each target, given its source.

    A source that stands several times in a row, as with the hypotheses of an n-best list, is encoded once.

    Args:
        models: one, or several of the same vocabularies, on any devices; dropout is off meanwhile.
        sources: ids without </s>, [N]; an empty one is read as </s>.
        targets: ids without </s>, [N].
        batch_tokens: target tokens computed together, at most, those that targets share counted once; a longer target
            is computed by itself.
        mean: what of several models is averaged at each token, as in search: probabilities or log_probabilities.

    Returns:
        For each pair, in order, an array [T] in nats; the last is that of </s>.
    """
    scores = [np.zeros(0)] * len(targets)
    with evaluating(models):
        for distinct, owners, rows in blocks(sources):
            states = [encode(model, distinct) for model in models]
            for batch in batches(owners, [targets[row] for row in rows], batch_tokens):
                found = [prefix_log_probs(model, state, batch) for model, state in zip(models, states, strict=True)]
                tokens = ensemble.mean([log_probs.cpu() for log_probs in found], mean).numpy()
                ends = np.cumsum(batch.lengths)[:-1]
                for place, one in zip(batch.places, np.split(tokens, ends), strict=True):
                    scores[rows[place]] = one
    return scores


def blocks(
    sources: Sequence[Sequence[int]],
) -> Iterator[tuple[list[Sequence[int]], Integers, range]]:
    """Cuts pairs into blocks of `SOURCES` sources: these, which of them each pair has, and the numbers of the pairs."""
    runs = [(source, len(list(run))) for source, run in groupby(sources)]
    end = 0
    for start in range(0, len(runs), SOURCES):
        block = runs[start : start + SOURCES]
        owners = np.repeat(np.arange(len(block)), [size for _, size in block])
        yield [source for source, _ in block], owners, range(end, end + len(owners))
        end += len(owners)


@dataclass(frozen=True)
class Batch:
    """Targets in the order of their sources and ids: those that begin alike stand together."""

    places: list[int]  # of the targets among those of the block, [B]
    owners: Integers  # the source of each, [B]
    lengths: Integers  # tokens with </s>, [B]
    shared: Integers  # tokens that it has in common with the one before; -1: not even the source, [B]
    targets: Integers  # [T, B], <pad> after the end


def batches(owners: Integers, targets: Sequence[Sequence[int]], batch_tokens: int) -> Iterator[Batch]:
    """Cuts the targets of a block into batches of at most so many distinct prefixes."""
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
    """How many tokens two targets begin with alike."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def make_batch(places: list[int], owners: Integers, targets: Sequence[Sequence[int]], shared: list[int]) -> Batch:
    """Puts targets side by side."""
    ids = np.array([token for place in places for token in (*targets[place], EOS)], np.int64)
    lengths = np.array([len(targets[place]) + 1 for place in places])
    said = padded(ids, np.cumsum(lengths) - lengths, lengths, PAD)
    return Batch(places, owners[places], lengths, np.array(shared), said)


def prefix_log_probs(model: Seq2Seq, state: State, batch: Batch) -> Tensor:
    """What one model says of each token of a batch, one target after the other, [target tokens], float64.

    Args:
        model: in evaluation.
        state: of the sources, N of them.
        batch: the targets.
    """
    device = next(model.parameters()).device
    T, B = batch.targets.shape
    step = model.decoder.stepper()
    reads, prefixes, count = [], np.zeros((T, B), np.int64), 0
    places = batch.owners  # in `state`, of what each target goes on from
    for length in range(T):
        new = np.flatnonzero((batch.shared < length) & (length < batch.lengths))  # the first that have a prefix
        said = batch.targets[length - 1, new] if length else np.full(len(new), EOS)
        chosen = torch.from_numpy(places[new]).to(device)
        read, state = step(torch.from_numpy(said).to(device), state.take(chosen, chosen))
        reads.append(read)
        places = np.searchsorted(new, np.arange(B), side="right") - 1  # its own prefix was the last new one, or is it
        prefixes[length] = count + places
        count += len(new)
    is_text = within(batch.lengths).T
    return chosen_log_probs(model, torch.cat(reads), prefixes.T[is_text], batch.targets.T[is_text])


def chosen_log_probs(model: Seq2Seq, states: Tensor, prefixes: Integers, tokens: Integers) -> Tensor:
    """The log-probabilities of tokens after prefixes: what the softmax reads [P, O], both arrays [target tokens]."""
    softmax = Softmax(states, model.decoder.output.weight, model.decoder.output.bias)
    order = np.argsort(prefixes, kind="stable")
    back, prefixes, tokens = np.argsort(order), prefixes[order], tokens[order]
    found = []
    for part in softmax.chunks:
        first, end = np.searchsorted(prefixes, (part.start, part.stop))
        rows, columns = (torch.from_numpy(one[first:end]).to(states.device) for one in (prefixes, tokens))
        found.append(softmax.log_probs(states[part])[rows - part.start, columns].double())
    return torch.cat(found).index_select(0, torch.from_numpy(back).to(states.device))


def encode(model: Seq2Seq, sources: Sequence[Sequence[int]]) -> State:
    """The encoder's state for each source; alike in length are encoded together."""
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
    """Parts of states side by side; those of shorter sentences are filled up with zeros: positions nobody looks at."""
    longest = max(len(part) for part in parts)
    filled = [torch.cat((part, part.new_zeros(longest - len(part), *part.shape[1:]))) for part in parts]
    return torch.cat(filled, dim=1)


@contextmanager
def evaluating(models: Sequence[Seq2Seq]) -> Iterator[None]:
    """Dropout is off within the block."""
    before = [model.training for model in models]
    try:
        for model in models:
            model.eval()
        yield
    finally:
        for model, training in zip(models, before, strict=True):
            model.train(training)
