"""chrF of single sentences, by sacreBLEU: which of a corpus went well, and which did not."""

from collections.abc import Sequence

from sacrebleu.metrics.chrf import CHRF


def sentence_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> list[float]:
    """chrF2 of each sentence of plain text, 0 to 100.

    Args:
        hypotheses: one translation a sentence.
        references: as many references.
    """
    metric = CHRF()
    pairs = zip(hypotheses, references, strict=True)
    return [metric.sentence_score(hypothesis, [reference]).score for hypothesis, reference in pairs]


def signature() -> str:
    """What is needed to make these scores again."""
    metric = CHRF()
    metric.sentence_score("", [""])  # only then it knows how many references there are
    return str(metric.get_signature())
