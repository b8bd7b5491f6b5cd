"""chrF of single sentences by sacreBLEU, to find the best and the worst translations of a corpus."""

from collections.abc import Sequence

from sacrebleu.metrics.chrf import CHRF


def sentence_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> list[float]:
    """Compute chrF2 of each sentence, 0 to 100.

    Args:
        hypotheses: plain text, one translation for each sentence.
        references: plain text, one reference for each sentence.
    """
    metric = CHRF()
    pairs = zip(hypotheses, references, strict=True)
    return [metric.sentence_score(hypothesis, [reference]).score for hypothesis, reference in pairs]


def signature() -> str:
    """Return the signature that documents how to reproduce the scores."""
    metric = CHRF()
    metric.sentence_score("", [""])  # sets the number of references in the signature
    return str(metric.get_signature())
