"""What a trained model thinks of given text: log-probabilities, perplexity and sentence embeddings.

Shapes: N sentences, B sentences of a batch, T target length (tokens with </s>), H hidden, L layers.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s import ensemble
from s2s.data import Batch, EncodedCorpus, bucket, make_batch, move, pack_sources, padded, within
from s2s.loss import token_log_losses
from s2s.model import Seq2Seq, State
from s2s.vocabulary import EOS, PAD

SOURCES = 256  # whose states are kept while their targets are scored: 8 MB with four layers of 1,000
EMBED_SENTENCES = 64  # embedded together; only speed and memory depend on it
BATCH_SENTENCES = 256  # evaluated together, at most


@dataclass(frozen=True)
class Evaluation:
    """How well a model predicts the target tokens of a corpus."""

    log_prob: float  # summed over all tokens, nats
    tokens: int  # with </s>, without padding

    @property
    def perplexity(self) -> float:
        """exp of the mean negative log-probability a token."""
        return math.exp(min(-self.log_prob / max(1, self.tokens), 700.0))


@torch.inference_mode()
def perplexity(model: Seq2Seq, corpus: EncodedCorpus, batch_tokens: int) -> Evaluation:
    """Evaluates a model on the target sentences of a corpus, given their sources; dropout is off meanwhile."""
    log_probs = sentence_log_probs(model, corpus, batch_tokens)
    return Evaluation(float(log_probs.sum()), int(corpus.target.lengths.sum()))


@torch.inference_mode()
def sentence_log_probs(
    model: Seq2Seq,
    corpus: EncodedCorpus,
    batch_tokens: int,
    rank: int = 0,
    ranks: int = 1,
    between: Callable[[], None] | None = None,
) -> NDArray[np.float64]:
    """The log-probability of each target sentence with its </s>, given its source.

    Args:
        model: dropout is off meanwhile.
        corpus: the pairs.
        batch_tokens: target tokens computed together, at most.
        rank: of this process among `ranks`, which share the work: each scores every `ranks`th batch, from `rank` on.
        ranks: as many.
        between: called after each batch; what it raises ends the evaluation.

    Returns:
        The scores in corpus order, [N], nats; 0 for the sentences of other processes.
    """
    scores = np.zeros(len(corpus))
    with evaluating([model]):
        for pairs in bucket(corpus, BATCH_SENTENCES, batch_tokens)[rank::ranks]:
            scores[pairs] = batch_log_probs(model, make_batch(corpus, pairs, model.architecture.reverse_source))
            if between is not None:
                between()
    return scores


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


def batch_log_probs(model: Seq2Seq, batch: Batch) -> NDArray[np.float64]:
    """The log-probability of each target sentence of a batch, [B], nats."""
    batch = batch.to(next(model.parameters()).device)
    ((states, right_tokens),) = model.segments(batch)
    losses = token_log_losses(states, model.decoder.output, right_tokens).double()
    owners = batch.text % batch.targets.shape[1]  # [target tokens], the sentence of each
    scores = losses.new_zeros(batch.targets.shape[1]).index_add_(0, owners, -losses)
    return scores.cpu().numpy()


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
    for start in range(0, len(order), EMBED_SENTENCES):
        tensors = [torch.tensor(sources[row], dtype=torch.int64) for row in order[start : start + EMBED_SENTENCES]]
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


@torch.inference_mode()
def embed(model: Seq2Seq, sentences: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """The encoder's last h of the top layer for each sentence of source ids (without </s>), [N, H].

    Sutskever et al. 2014, section 3.8 and Figure 2.
    """
    device = next(model.parameters()).device
    parts = [np.zeros((0, model.architecture.hidden), np.float32)]
    for start in range(0, len(sentences), EMBED_SENTENCES):
        tensors = [torch.tensor(sentence, dtype=torch.int64) for sentence in sentences[start : start + EMBED_SENTENCES]]
        sources = pack_sources(tensors, model.architecture.reverse_source)
        h, _ = model.encoder(move(sources, device))  # [L, N, H]
        parts.append(h[-1].cpu().numpy())
    return np.concatenate(parts)
