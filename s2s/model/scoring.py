"""Log-probabilities and perplexity of given text under a trained model.

Shapes: N sentences, B sentences of a batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from s2s.data.batches import Batch, make_batch
from s2s.data.buckets import bucket
from s2s.data.corpus import EncodedCorpus
from s2s.model.loss import token_log_losses
from s2s.model.seq2seq import Seq2Seq
from s2s.perplexity import to_perplexity

BATCH_SENTENCES = 256  # a batch, at most


@dataclass(frozen=True)
class Evaluation:
    """The log-probability that a model gives to the target tokens of a corpus."""

    log_prob: float  # nats, summed over all tokens
    tokens: int  # with </s>, without padding

    @property
    def perplexity(self) -> float:
        """Perplexity a token."""
        return to_perplexity(-self.log_prob, self.tokens)


@torch.inference_mode()
def perplexity(model: Seq2Seq, corpus: EncodedCorpus, batch_tokens: int) -> Evaluation:
    """Evaluate a model, without dropout, on the target sentences of a corpus given their sources."""
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
    """Compute the log-probability of each target sentence with its </s>, given its source.

    Args:
        model: computed without dropout.
        corpus: the pairs.
        batch_tokens: target tokens a batch, at most.
        rank: of this process, which scores every `ranks`th batch, starting with this number.
        ranks: number of processes that share the work.
        between: called after each batch; an exception that it raises ends the evaluation.

    Returns:
        The log-probabilities in nats, in the order of the corpus, [N]; 0 for the sentences of other processes.
    """
    was_training = model.training
    model.eval()
    scores = np.zeros(len(corpus))
    try:
        for pairs in bucket(corpus, BATCH_SENTENCES, batch_tokens)[rank::ranks]:
            scores[pairs] = batch_log_probs(model, make_batch(corpus, pairs, model.architecture.reverse_source))
            if between is not None:
                between()
    finally:
        model.train(was_training)
    return scores


def batch_log_probs(model: Seq2Seq, batch: Batch) -> NDArray[np.float64]:
    """Compute the log-probability of each target sentence of a batch, in nats, [B]."""
    batch = batch.to(next(model.parameters()).device)
    ((states, right_tokens),) = model.segments(batch)
    losses = token_log_losses(states, model.decoder.output, right_tokens).double()
    sentences = batch.text % batch.targets.shape[1]  # [target tokens], the sentence of each token
    scores = losses.new_zeros(batch.targets.shape[1]).index_add_(0, sentences, -losses)
    return scores.cpu().numpy()
