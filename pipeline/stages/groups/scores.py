"""BLEU over groups of test sentences with similar values of a measure: the paper's Figure 3."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.schemas.reports.scores import Group
from s2s.evaluation import metrics

DIGITS = 4  # of scores and measures


@dataclass(frozen=True)
class Grouping:
    """The number of groups, and the samples and seed of the bootstrap for their intervals."""

    bins: int
    samples: int
    seed: int


def cut(measures: Sequence[float], bins: int) -> list[list[int]]:
    """Sort sentences by a measure and return their rows in groups of about equal size, of one if they are few."""
    order = sorted(range(len(measures)), key=lambda row: (measures[row], row))
    parts = min(bins, len(order))
    return [group.tolist() for group in np.array_split(order, parts)] if parts else []


def score(
    translations: Sequence[str], references: Sequence[str], measures: Sequence[float], how: Grouping
) -> list[Group]:
    """Return the BLEU (sacreBLEU's 13a) of each group of sentences, the group of the lowest measures first."""
    groups = []
    for number, rows in enumerate(cut(measures, how.bins), 1):
        bleu = metrics.corpus_bleu(
            [translations[row] for row in rows],
            [references[row] for row in rows],
            tokenized=False,
            samples=how.samples,
            seed=how.seed,
        )
        low, high = (round(float(measures[row]), DIGITS) for row in (rows[0], rows[-1]))
        scores = (round(value, DIGITS) for value in (bleu.score, bleu.low, bleu.high))
        groups.append(Group(number, low, high, len(rows), *scores))
    return groups
