"""Weights of features under which the best candidates have the highest BLEU: minimum error rate training (Och 2003).

Along a direction in the space of weights the score of a candidate is a straight line. Those that are on top somewhere
are the upper envelope of their sentence, and BLEU changes only where it turns. So all values that BLEU takes along a
line are computed, not sampled.

Shapes: N sentences, M candidates, D features, C turns of all envelopes.
"""

from dataclasses import dataclass

import numpy as np

from s2s.candidates import Candidates, Floats, Integers, bleu, first_highest

SMALLEST_GAIN = 1e-9  # of BLEU
NARROWEST = 1e-9  # interval of steps that is looked at, as a share of them: rounding may miss a narrower one
STEPS = 100  # line searches from one start, at most; some ten are usual


@dataclass(frozen=True)
class Tuned:
    """Weights and the BLEU that they have on the lists they were tuned on."""

    weights: Floats  # [D], their absolute values sum to 1
    bleu: float


def tune(candidates: Candidates, start: Floats, restarts: int, seed: int) -> Tuned:
    """The best weights of several starts: the given ones, which the result is never worse than, and random ones.

    Args:
        candidates: of the development set.
        start: weights to begin with, [D], not all 0.
        restarts: random starts beside it.
        seed: of these, and of the random directions.
    """
    draw = np.random.default_rng(seed)
    scale = 1 / spread(candidates)
    starts = [start, *(draw.normal(size=len(start)) * scale for _ in range(restarts))]
    found = [climb(candidates, weights, scale, draw) for weights in starts]
    return max(found, key=lambda one: one.bleu)


def spread(candidates: Candidates) -> Floats:
    """How much each feature varies among the candidates of a sentence, [D]; 1 where it does not."""
    sizes = np.diff(candidates.starts)[:, None]
    means = np.add.reduceat(candidates.features, candidates.starts[:-1]) / sizes
    deviations = np.sqrt(((candidates.features - means[candidates.owners]) ** 2).mean(axis=0))
    found: Floats = np.where(deviations > 0, deviations, 1.0)
    return found


def climb(candidates: Candidates, start: Floats, scale: Floats, draw: np.random.Generator) -> Tuned:
    """Goes to the best point along the axes and as many random directions, again and again while BLEU rises."""
    best = measured(candidates, start)
    for _ in range(STEPS):
        random = draw.normal(size=(len(start), len(start)))
        found = [search_line(candidates, best.weights, way) for way in np.vstack((np.eye(len(start)), random)) * scale]
        reached = max((measured(candidates, weights) for weights in found), key=lambda one: one.bleu)
        if reached.bleu <= best.bleu + SMALLEST_GAIN:
            break
        best = reached
    return best


def measured(candidates: Candidates, weights: Floats) -> Tuned:
    """Weights, brought to one scale, with their BLEU."""
    size = np.abs(weights).sum()
    weights = np.round(weights / size, 9) if size else weights
    return Tuned(weights, candidates.bleu(candidates.choose(weights)))


def search_line(candidates: Candidates, weights: Floats, direction: Floats) -> Floats:
    """The point of the highest BLEU on the line through some weights, in the middle of the interval that has it, [D].

    Of intervals of equal BLEU it is the one that is nearest to the weights.
    """
    first, turns = envelopes(candidates, candidates.features @ weights, candidates.features @ direction)
    changes = candidates.counts[turns.new] - candidates.counts[turns.old]
    sums = np.cumsum(np.vstack((candidates.counts[first].sum(axis=0), changes)), axis=0)  # [C + 1, WIDTH]
    if not len(turns.steps):
        return weights
    middles = np.concatenate(
        ([turns.steps[0] - 1], (turns.steps[1:] + turns.steps[:-1]) / 2, [turns.steps[-1] + 1])
    )  # [C + 1]
    widths = np.concatenate(([np.inf], np.diff(turns.steps), [np.inf]))
    scores = np.where(widths > NARROWEST * (1 + np.abs(middles)), bleu(sums), -1.0)
    near = np.flatnonzero(scores >= scores.max() - SMALLEST_GAIN)
    found: Floats = weights + direction * middles[near[np.abs(middles[near]).argmin()]]
    return found


@dataclass(frozen=True)
class Turns:
    """Where another candidate of a sentence takes the lead on the way along a line, by rising step."""

    steps: Floats  # how far along the direction, [C]
    old: Integers  # the candidate that was on top before, [C]
    new: Integers  # and the one that is after, [C]


def envelopes(candidates: Candidates, heights: Floats, slopes: Floats) -> tuple[Integers, Turns]:
    """Which candidate of each sentence is on top along a line: far to the left, [N], and all turns from there.

    All sentences advance together from turn to turn; lines that rise no more than the one on top can never lead again
    and are dropped, so most are looked at once or twice.

    Args:
        candidates: only their grouping matters.
        heights: the scores at step 0, [M].
        slopes: how they change with each step, [M].
    """
    flattest = np.minimum.reduceat(slopes, candidates.starts[:-1])
    first = candidates.best(np.where(slopes == flattest[candidates.owners], heights, -np.inf))
    lead, found = first.copy(), [(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))]
    rows, owners = np.arange(len(slopes)), candidates.owners
    while True:
        steeper = slopes[rows] > slopes[lead[owners]]
        rows, owners = rows[steeper], owners[steeper]
        if not len(rows):
            break
        top = lead[owners]
        steps = (heights[top] - heights[rows]) / (slopes[rows] - slopes[top])
        places = next_turns(steps, slopes[rows], np.flatnonzero(np.diff(owners, prepend=-1)))
        found.append((steps[places], top[places], rows[places]))
        lead[owners[places]] = rows[places]
    steps, old, new = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(steps, kind="stable")
    return first, Turns(steps[order], old[order], new[order])


def next_turns(steps: Floats, slopes: Floats, starts: Integers) -> Integers:
    """Where the leading line of each sentence is crossed first; of several that cross there, the steepest leads on."""
    soonest = steps[first_highest(-steps, starts)]
    ties = steps == np.repeat(soonest, np.diff(starts, append=len(steps)))
    return first_highest(np.where(ties, slopes, -np.inf), starts)
