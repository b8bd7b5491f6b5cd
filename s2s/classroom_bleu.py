"""BLEU of single sentences as textbooks teach it, which weighs short n-grams more; it is not the BLEU of a corpus."""

import math
from collections.abc import Sequence

from sacrebleu import __version__
from sacrebleu.metrics.bleu import BLEU


def classroom_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> list[float]:
    """The brevity penalty times the product of p_n ** (2 ** -n), n = 1 to 4, for each sentence of plain text; 0 to 100.

    p_n is the share of the translation's n-grams that are in the reference, each at most as often as it is there. A
    translation of fewer than four tokens has no n-grams of some lengths; those are left out. One of no tokens has 0.
    The weights are those of Zhang et al., Dive into Deep Learning; tokens, counts and brevity penalty are sacreBLEU's,
    as for the BLEU of plain text.

    Args:
        hypotheses: one translation a sentence.
        references: as many references.
    """
    metric = BLEU(tokenize="13a", effective_order=True)
    found = [metric.sentence_score(one, [other]) for one, other in zip(hypotheses, references, strict=True)]
    return [100 * one.bp * weighted(one.counts, one.totals) for one in found]


def weighted(counts: Sequence[int], totals: Sequence[int]) -> float:
    """The product of the precisions that there are, each to the power of 2 ** -n.

    Args:
        counts: matching n-grams of length 1, 2, 3, 4.
        totals: all n-grams of the translation of these lengths.
    """
    if not totals[0]:
        return 0.0
    sizes = enumerate(zip(counts, totals, strict=True), start=1)
    return math.prod(math.pow(count / total, 0.5**n) for n, (count, total) in sizes if total)


def signature() -> str:
    """What is needed to make these scores again."""
    return f"nrefs:1|case:mixed|tok:13a|weights:2^-n|smooth:none|version:{__version__}"
