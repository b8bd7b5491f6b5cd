"""BLEU and chrF by sacreBLEU, each with its signature and a bootstrap interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import Result, _paired_bs_test

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
    precisions: tuple[
        float, ...
    ] = ()  # of BLEU: n-grams of the hypotheses that are in the references, percent, n = 1 to 4


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
    metric = bleu_metric(tokenized)
    total = metric.corpus_score(list(hypotheses), [list(references)])
    low, high = bootstrap_interval(metric, sentence_statistics(metric, hypotheses, references), samples, seed)
    ratio = total.sys_len / max(1, total.ref_len)
    return Score(total.score, low, high, str(metric.get_signature()), total.bp, ratio, tuple(total.precisions))


def bleu_metric(tokenized: bool) -> BLEU:
    """BLEU by one of the two conventions of `corpus_bleu`."""
    return BLEU(tokenize="none", smooth_method="none", force=True) if tokenized else BLEU(tokenize="13a")


def paired_p_value(
    baseline: Sequence[str], system: Sequence[str], references: Sequence[str], tokenized: bool, samples: int, seed: int
) -> float:
    """How likely a difference in BLEU of this size is by chance: sacreBLEU's paired bootstrap test (Koehn 2004).

    Args:
        baseline: its translations, one a sentence.
        system: those that are compared with it.
        references: as many.
        tokenized: as in `corpus_bleu`.
        samples: test sets that are drawn.
        seed: of the draw.

    Returns:
        The p-value; 1 if all sentences count the same, where sacreBLEU would give its smallest one.
    """
    metric = bleu_metric(tokenized)
    statistics, others = (sentence_statistics(metric, lines, references) for lines in (baseline, system))
    if statistics == others:
        return 1.0
    score = metric.corpus_score(list(baseline), [list(references)]).score
    known = {"BLEU": (np.array(statistics), Result(score))}
    _, found = _paired_bs_test(known, "", list(system), [list(references)], {"BLEU": metric}, samples, seed=seed)
    assert found["BLEU"].p_value is not None
    return found["BLEU"].p_value


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
