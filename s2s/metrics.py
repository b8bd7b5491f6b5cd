"""BLEU and chrF by sacreBLEU, each with its signature and a bootstrap interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

LEVEL = 0.95  # of the intervals


@dataclass(frozen=True)
class Score:
    """A corpus score, its 95 % interval, and what is needed to make it again."""

    score: float
    low: float
    high: float
    signature: str
    brevity_penalty: float
    length_ratio: float  # tokens of the hypotheses over tokens of the references


def bootstrap_interval(
    metric: BLEU | CHRF, statistics: Sequence[Sequence[float]], samples: int, seed: int
) -> tuple[float, float]:
    """The interval that holds 95 % of the scores of test sets drawn with replacement (Koehn 2004).

    Args:
        metric: computes a score from summed sentence statistics.
        statistics: one row a sentence, as sacreBLEU extracts them.
        samples: how many test sets are drawn.
        seed: of the draw.
    """
    table = np.asarray(statistics, dtype=np.float64)
    draw = np.random.default_rng(seed)
    scores = []
    for _ in range(samples):
        chosen = draw.integers(0, len(table), len(table))
        scores.append(metric._compute_score_from_stats(table[chosen].sum(axis=0).tolist()).score)
    low, high = np.quantile(scores, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def corpus_bleu(
    hypotheses: Sequence[str], references: Sequence[str], tokenized: bool, samples: int, seed: int
) -> Score:
    """BLEU of a translated corpus.

    Args:
        hypotheses: one translation a sentence.
        references: as many references.
        tokenized: both are tokens joined by spaces and scored as they are (multi-bleu.pl, the paper's convention:
            no smoothing); otherwise both are plain text, which sacreBLEU tokenises (13a).
        samples: bootstrap samples behind the interval.
        seed: of the bootstrap.
    """
    metric = BLEU(tokenize="none", smooth_method="none", force=True) if tokenized else BLEU(tokenize="13a")
    total = metric.corpus_score(list(hypotheses), [list(references)])
    low, high = bootstrap_interval(metric, sentence_statistics(metric, hypotheses, references), samples, seed)
    ratio = total.sys_len / max(1, total.ref_len)
    return Score(total.score, low, high, str(metric.get_signature()), total.bp, ratio)


def corpus_chrf(hypotheses: Sequence[str], references: Sequence[str], samples: int, seed: int) -> Score:
    """chrF2 of a translated corpus of plain text; it has no brevity penalty, so that reads 1."""
    metric = CHRF()
    total = metric.corpus_score(list(hypotheses), [list(references)])
    low, high = bootstrap_interval(metric, sentence_statistics(metric, hypotheses, references), samples, seed)
    characters = sum(map(len, hypotheses)) / max(1, sum(map(len, references)))
    return Score(total.score, low, high, str(metric.get_signature()), 1.0, characters)


def sentence_statistics(metric: BLEU | CHRF, hypotheses: Sequence[str], references: Sequence[str]) -> list[list[float]]:
    """What sacreBLEU counts in each sentence before it sums and scores."""
    return metric._extract_corpus_statistics(list(hypotheses), [list(references)])  # type: ignore[no-any-return]
