"""Teacher forcing: what models say of each token of given translations, one or a thousand of each source.

Shapes: N sources or pairs, B targets of a batch, T target length (tokens with </s>), H hidden, L layers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s import ensemble
from s2s.data import move, pack_sources, padded, within
from s2s.loss import token_log_losses
from s2s.model import Seq2Seq, State
from s2s.vocabulary import EOS, PAD

SOURCES = 256  # whose states are kept while their targets are scored: 8 MB with four layers of 1,000
ENCODED = 64  # sources that are read together; only speed and memory depend on it


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
        batch_tokens: target tokens computed together, at most, each target counted as long as the longest.
        mean: what of several models is averaged at each token, as in search: probabilities or log_probabilities.

    Returns:
        For each pair, in order, an array [T] in nats; the last is that of </s>.
    """
    scores = [np.zeros(0)] * len(targets)
    with evaluating(models):
        for distinct, owners, rows in blocks(sources):
            lengths = np.array([len(targets[row]) + 1 for row in rows])
            states = [encode(model, distinct) for model in models]
            for part in cut_by_length(lengths, batch_tokens):
                chosen = [targets[rows[place]] for place in part]
                found = average_log_probs(models, states, owners[part], chosen, mean)
                for place, score in zip(part, np.split(found, np.cumsum(lengths[part])[:-1]), strict=True):
                    scores[rows[place]] = score
    return scores


def blocks(
    sources: Sequence[Sequence[int]],
) -> Iterator[tuple[list[Sequence[int]], NDArray[np.int64], range]]:
    """Cuts pairs into blocks of `SOURCES` sources: these, which of them each pair has, and the numbers of the pairs."""
    runs = [(source, len(list(run))) for source, run in groupby(sources)]
    end = 0
    for start in range(0, len(runs), SOURCES):
        block = runs[start : start + SOURCES]
        owners = np.repeat(np.arange(len(block)), [size for _, size in block])
        yield [source for source, _ in block], owners, range(end, end + len(owners))
        end += len(owners)


def cut_by_length(lengths: NDArray[np.int64], batch_tokens: int) -> Iterator[NDArray[np.int64]]:
    """The numbers of targets to be computed together, alike in length, the longest first."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // int(lengths[order[start]]))
        yield order[start : start + size]
        start += size


def encode(model: Seq2Seq, sources: Sequence[Sequence[int]]) -> State:
    """The encoder's last state for each source, h and c [L, N, H]; alike in length are encoded together."""
    device = next(model.parameters()).device
    order = sorted(range(len(sources)), key=lambda row: -len(sources[row]))
    parts = []
    for start in range(0, len(order), ENCODED):
        tensors = [torch.tensor(sources[row], dtype=torch.int64) for row in order[start : start + ENCODED]]
        parts.append(model.encoder(move(pack_sources(tensors, model.architecture.reverse_source), device)))
    back = torch.from_numpy(np.argsort(order)).to(device)
    h, c = (torch.cat(part, dim=1).index_select(1, back) for part in zip(*parts, strict=True))
    return h, c


def average_log_probs(
    models: Sequence[Seq2Seq],
    states: Sequence[State],
    owners: NDArray[np.int64],
    targets: Sequence[Sequence[int]],
    mean: str,
) -> NDArray[np.float64]:
    """The log-probabilities of the tokens of B targets by all models, one target after the other, [target tokens].

    Args:
        models: one or several.
        states: of the sources, for each model h and c [L, N, H].
        owners: the source of each target, [B].
        targets: ids without </s>, [B].
        mean: what is averaged.
    """
    lengths = np.array([len(target) + 1 for target in targets])
    ids = np.array([token for target in targets for token in (*target, EOS)], np.int64)
    said = padded(ids, np.cumsum(lengths) - lengths, lengths, PAD)  # [T, B]
    found = [
        target_log_probs(model, state, owners, said, within(lengths)).cpu()
        for model, state in zip(models, states, strict=True)
    ]
    return ensemble.mean(found, mean).numpy()


def target_log_probs(
    model: Seq2Seq, state: State, owners: NDArray[np.int64], targets: NDArray[np.int64], is_text: NDArray[np.bool_]
) -> Tensor:
    """What one model says of padded targets [T, B], by teacher forcing, [target tokens]."""
    device = next(model.parameters()).device
    own = torch.from_numpy(owners).to(device)
    h, c = (part.index_select(1, own) for part in state)  # [L, B, H]
    inputs = torch.from_numpy(np.vstack((np.full_like(targets[:1], EOS), targets[:-1]))).to(device)  # [T, B]
    says, _ = model.decoder(inputs, (h, c))  # [T, B, H]
    text = torch.from_numpy(np.flatnonzero(is_text.T)).to(device)  # of [B * T], target by target
    right = torch.from_numpy(targets.T[is_text.T]).to(device)
    return -token_log_losses(
        says.transpose(0, 1).flatten(0, 1).index_select(0, text), model.decoder.output, right
    ).double()


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
