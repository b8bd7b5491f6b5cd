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
    """A corpus score with its 95 % bootstrap interval and sacreBLEU's signature."""

    score: float
    low: float
    high: float
    signature: str
    brevity_penalty: float
    length_ratio: float  # tokens of the hypotheses over tokens of the references
    precisions: tuple[float, ...] = ()  # of BLEU: n-gram precisions in percent, n = 1 to 4


def bootstrap_interval(
    metric: BLEU | CHRF, statistics: Sequence[Sequence[float]], samples: int, seed: int
) -> tuple[float, float]:
    """Return the interval of 95 % of the scores of test sets that are drawn with replacement (Koehn 2004).

    Args:
        metric: computes a score from summed sentence statistics.
        statistics: sacreBLEU's statistics, one row for each sentence.
        samples: number of test sets drawn.
        seed: seed of the draws.
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
    """Compute BLEU of a translated corpus.

    Args:
        hypotheses: one translation for each sentence.
        references: one reference for each sentence.
        tokenized: True if both are tokens joined by spaces, scored as they are without smoothing (multi-bleu.pl, the
            paper's convention); False if both are plain text, which sacreBLEU tokenizes (13a).
        samples: number of bootstrap samples for the interval.
        seed: seed of the bootstrap.
    """
    metric = bleu_metric(tokenized)
    total = metric.corpus_score(list(hypotheses), [list(references)])
    low, high = bootstrap_interval(metric, sentence_statistics(metric, hypotheses, references), samples, seed)
    ratio = total.sys_len / max(1, total.ref_len)
    return Score(total.score, low, high, str(metric.get_signature()), total.bp, ratio, tuple(total.precisions))


def bleu_metric(tokenized: bool) -> BLEU:
    """Return the BLEU metric of one of the two conventions of `corpus_bleu`."""
    return BLEU(tokenize="none", smooth_method="none", force=True) if tokenized else BLEU(tokenize="13a")


def paired_p_value(
    baseline: Sequence[str], system: Sequence[str], references: Sequence[str], tokenized: bool, samples: int, seed: int
) -> float:
    """Compute the p-value of a BLEU difference by sacreBLEU's paired bootstrap test (Koehn 2004).

    Args:
        baseline: the baseline's translations, one for each sentence.
        system: the translations compared with the baseline.
        references: one reference for each sentence.
        tokenized: as in `corpus_bleu`.
        samples: number of test sets drawn.
        seed: seed of the draws.

    Returns:
        The p-value; 1 if the statistics of all sentences are equal, where sacreBLEU would return its smallest value.
    """
    metric = bleu_metric(tokenized)
    statistics, others = (sentence_statistics(metric, lines, references) for lines in (baseline, system))
    if statistics == others:
        return 1.0
    score = metric.corpus_score(list(baseline), [list(references)]).score
    baselines = {"BLEU": (np.array(statistics), Result(score))}
    _, results = _paired_bs_test(baselines, "", list(system), [list(references)], {"BLEU": metric}, samples, seed=seed)
    assert results["BLEU"].p_value is not None
    return results["BLEU"].p_value


def corpus_chrf(hypotheses: Sequence[str], references: Sequence[str], samples: int, seed: int) -> Score:
    """Compute chrF2 of a translated corpus of plain text; its brevity penalty is always 1."""
    metric = CHRF()
    total = metric.corpus_score(list(hypotheses), [list(references)])
    low, high = bootstrap_interval(metric, sentence_statistics(metric, hypotheses, references), samples, seed)
    characters = sum(map(len, hypotheses)) / max(1, sum(map(len, references)))
    return Score(total.score, low, high, str(metric.get_signature()), 1.0, characters)


def sentence_statistics(metric: BLEU | CHRF, hypotheses: Sequence[str], references: Sequence[str]) -> list[list[float]]:
    """Return sacreBLEU's statistics of each sentence, which it sums and scores."""
    return metric._extract_corpus_statistics(list(hypotheses), [list(references)])  # type: ignore[no-any-return]
