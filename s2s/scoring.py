"""What a trained model thinks of given text: log-probabilities and perplexity.

Shapes: N sentences, B sentences of a batch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from s2s.data import Batch, EncodedCorpus, bucket, make_batch
from s2s.loss import token_log_losses
from s2s.model import Seq2Seq

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
    training = model.training
    model.eval()
    scores = np.zeros(len(corpus))
    try:
        for pairs in bucket(corpus, BATCH_SENTENCES, batch_tokens)[rank::ranks]:
            scores[pairs] = batch_log_probs(model, make_batch(corpus, pairs, model.architecture.reverse_source))
            if between is not None:
                between()
    finally:
        model.train(training)
    return scores


def batch_log_probs(model: Seq2Seq, batch: Batch) -> NDArray[np.float64]:
    """The log-probability of each target sentence of a batch, [B], nats."""
    batch = batch.to(next(model.parameters()).device)
    ((states, right_tokens),) = model.segments(batch)
    losses = token_log_losses(states, model.decoder.output, right_tokens).double()
    owners = batch.text % batch.targets.shape[1]  # [target tokens], the sentence of each
    scores = losses.new_zeros(batch.targets.shape[1]).index_add_(0, owners, -losses)
    return scores.cpu().numpy()
