"""Cross-entropy of the right next token, the quantity that training lowers."""

from torch import Tensor
from torch.nn import functional as F


def cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """Sums the losses of all tokens.

    Args:
        logits: unnormalised log-probabilities, [N, V].
        targets: the right tokens, [N].
        label_smoothing: share of the right token's probability that is spread over all tokens evenly.

    Returns:
        The loss to be minimised and, detached, the plain negative log-likelihood behind perplexity; both in nats.
    """
    if label_smoothing == 0:
        loss = F.cross_entropy(logits, targets, reduction="sum")
        return loss, loss.detach()
    log_probs = F.log_softmax(logits, dim=-1)
    right = F.nll_loss(log_probs, targets, reduction="sum")
    spread = -log_probs.mean(dim=-1).sum()
    return (1 - label_smoothing) * right + label_smoothing * spread, right.detach()
