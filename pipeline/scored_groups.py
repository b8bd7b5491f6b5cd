"""BLEU over groups of test sentences that are alike in some measure: the paper's Figure 3."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.group import Group
from s2s import metrics

DIGITS = 4  # of scores and measures


@dataclass(frozen=True)
class Grouping:
    """Into how many groups sentences are cut, and what the intervals of the scores are drawn from."""

    bins: int
    samples: int
    seed: int


def cut(measures: Sequence[float], bins: int) -> list[list[int]]:
    """Sorts sentences by a measure and cuts them into groups of about equal count, single ones if they are too few."""
    order = sorted(range(len(measures)), key=lambda row: (measures[row], row))
    parts = min(bins, len(order))
    return [group.tolist() for group in np.array_split(order, parts)] if parts else []


def score(
    translations: Sequence[str], references: Sequence[str], measures: Sequence[float], how: Grouping
) -> list[Group]:
    """BLEU (sacreBLEU's 13a) of each group of sentences, those of the lowest measure first."""
    groups = []
    for number, rows in enumerate(cut(measures, how.bins), 1):
        found = metrics.corpus_bleu(
            [translations[row] for row in rows],
            [references[row] for row in rows],
            tokenized=False,
            samples=how.samples,
            seed=how.seed,
        )
        low, high = (round(float(measures[row]), DIGITS) for row in (rows[0], rows[-1]))
        scores = (round(value, DIGITS) for value in (found.score, found.low, found.high))
        groups.append(Group(number, low, high, len(rows), *scores))
    return groups
