"""The best extensions of the hypotheses of a beam by one token, found without sorting them all.

Shapes: N sentences, K hypotheses of each, V vocabulary, C candidates.
"""

import math

from torch import Tensor
from torch.nn import functional as F

BLOCK = 64  # neighbouring tokens of which only the best is looked at at first


def best_extensions(scores: Tensor, log_probs: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The best sums of a hypothesis' score and a token's log-probability, for each sentence.

    The best `count` tokens lie in the `count` blocks of tokens with the best maxima, so only these are sorted: a pass
    over all tokens that compares, instead of one that sorts them, which takes as long as half the softmax.

    Args:
        scores: of the hypotheses, [N, K].
        log_probs: of each token after each of them, [N, K, V].
        count: how many; there may be fewer.

    Returns:
        The sums, the hypotheses and the tokens, [N, C] each, the best first; of equal sums that of the earlier
        hypothesis and then of the lower token comes first.
    """
    N, K, V = log_probs.shape
    if V % BLOCK:
        log_probs = F.pad(log_probs, (0, -V % BLOCK), value=-math.inf)
    blocks = log_probs.view(N, -1, BLOCK)  # [N, K * blocks of a hypothesis, BLOCK]
    each = blocks.shape[1] // K
    best = (blocks.amax(dim=2).view(N, K, each) + scores.unsqueeze(2)).flatten(1)
    _, chosen = top(best, count)  # [N, C]
    chosen = chosen.sort(dim=1).values  # so that the first of equal candidates is the first of all
    candidates = blocks.gather(1, chosen.unsqueeze(2).expand(-1, -1, BLOCK))  # [N, C, BLOCK]
    candidates = candidates + scores.gather(1, chosen // each).unsqueeze(2)
    sums, places = top(candidates.flatten(1), count)
    block = chosen.gather(1, places // BLOCK)
    tokens = block % each * BLOCK + places % BLOCK
    return sums, block // each, tokens.clamp_max(V - 1)  # where too few can follow, a sum of -inf may be padding's


def top(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The best `count` of each row of scores and their places, best first; of equal ones the first.

    `topk` takes any of those that are equal to the last one taken: then, which is rare, the whole row is sorted.
    """
    found, places = scores.topk(min(count, scores.shape[1]), dim=1)
    last = found[:, -1:]
    if ((scores == last).sum(1) > (found == last).sum(1)).logical_and(last.squeeze(1).isfinite()).any():
        found, places = scores.sort(dim=1, descending=True, stable=True)
        return found[:, :count], places[:, :count]
    by_place = places.argsort(dim=1)
    found, places = found.gather(1, by_place), places.gather(1, by_place)
    by_score = found.argsort(dim=1, descending=True, stable=True)
    return found.gather(1, by_score), places.gather(1, by_score)
