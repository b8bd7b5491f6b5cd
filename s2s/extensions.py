"""Find the best one-token extensions of the hypotheses in a beam without sorting all of them.

Shapes: N sentences, K hypotheses of each, V vocabulary, C candidates.
"""

import math

from torch import Tensor
from torch.nn import functional as F

BLOCK = 64  # neighboring tokens whose maximum is compared first


def best_extensions(scores: Tensor, log_probs: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best sums of a hypothesis' score and a token's log-probability for each sentence.

    The best `count` tokens lie in the `count` blocks with the best maxima, so only these blocks are sorted. Sorting all
    tokens would take half as long as the softmax.

    Args:
        scores: scores of the hypotheses, [N, K].
        log_probs: log-probability of each next token, [N, K, V].
        count: the number of extensions wanted; there may be fewer.

    Returns:
        Sums, hypotheses and tokens, [N, C] each, the best first. Equal sums are ordered by hypothesis, then by token.
    """
    N, K, V = log_probs.shape
    if V % BLOCK:
        log_probs = F.pad(log_probs, (0, -V % BLOCK), value=-math.inf)
    blocks = log_probs.view(N, -1, BLOCK)  # [N, K * blocks of a hypothesis, BLOCK]
    per_hypothesis = blocks.shape[1] // K
    best = (blocks.amax(dim=2).view(N, K, per_hypothesis) + scores.unsqueeze(2)).flatten(1)
    _, chosen = top(best, count)  # [N, C]
    chosen = chosen.sort(dim=1).values  # keeps the order of equal candidates
    candidates = blocks.gather(1, chosen.unsqueeze(2).expand(-1, -1, BLOCK))  # [N, C, BLOCK]
    candidates = candidates + scores.gather(1, chosen // per_hypothesis).unsqueeze(2)
    sums, places = top(candidates.flatten(1), count)
    block = chosen.gather(1, places // BLOCK)
    tokens = block % per_hypothesis * BLOCK + places % BLOCK
    return sums, block // per_hypothesis, tokens.clamp_max(V - 1)  # a sum of -inf may belong to padding


def top(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the best `count` of each row of scores and their indices, best first; of equal scores the first.

    `topk` takes any of the scores equal to the last one. In that rare case the whole row is sorted.
    """
    best, places = scores.topk(min(count, scores.shape[1]), dim=1)
    last = best[:, -1:]
    if ((scores == last).sum(1) > (best == last).sum(1)).logical_and(last.squeeze(1).isfinite()).any():
        best, places = scores.sort(dim=1, descending=True, stable=True)
        return best[:, :count], places[:, :count]
    by_place = places.argsort(dim=1)
    best, places = best.gather(1, by_place), places.gather(1, by_place)
    by_score = best.argsort(dim=1, descending=True, stable=True)
    return best.gather(1, by_score), places.gather(1, by_score)
