"""Scores of single sentences: chrF, and textbook BLEU, which is not comparable with corpus BLEU."""

import math
from collections.abc import Sequence

from sacrebleu import __version__
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF


def classroom_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> list[float]:
    """Compute textbook BLEU of each sentence, 0 to 100: brevity penalty times the product of p_n ** (2 ** -n), n <= 4.

    p_n is the n-gram precision with clipped counts. Lengths n of which a translation has no n-grams are left out; an
    empty translation has 0. The weights are those of Zhang et al., Dive into Deep Learning; tokens, counts and brevity
    penalty are sacreBLEU's for plain text.

    Args:
        hypotheses: plain text, one translation for each sentence.
        references: plain text, one reference for each sentence.
    """
    metric = BLEU(tokenize="13a", effective_order=True)
    pairs = zip(hypotheses, references, strict=True)
    scores = [metric.sentence_score(hypothesis, [reference]) for hypothesis, reference in pairs]
    return [100 * score.bp * weighted(score.counts, score.totals) for score in scores]


def weighted(counts: Sequence[int], totals: Sequence[int]) -> float:
    """Compute the product of the n-gram precisions, each to the power of 2 ** -n.

    Args:
        counts: matching n-grams of lengths 1 to 4.
        totals: all n-grams of the translation of these lengths.
    """
    if not totals[0]:
        return 0.0
    sizes = enumerate(zip(counts, totals, strict=True), start=1)
    return math.prod(math.pow(count / total, 0.5**n) for n, (count, total) in sizes if total)


def signature() -> str:
    """Return the signature that documents how to reproduce the scores."""
    return f"nrefs:1|case:mixed|tok:13a|weights:2^-n|smooth:none|version:{__version__}"


def sentence_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> list[float]:
    """Compute chrF2 of each sentence, 0 to 100.

    Args:
        hypotheses: plain text, one translation for each sentence.
        references: plain text, one reference for each sentence.
    """
    metric = CHRF()
    pairs = zip(hypotheses, references, strict=True)
    return [metric.sentence_score(hypothesis, [reference]).score for hypothesis, reference in pairs]


def chrf_signature() -> str:
    """Return the signature that documents how to reproduce the scores."""
    metric = CHRF()
    metric.sentence_score("", [""])  # sets the number of references in the signature
    return str(metric.get_signature())
