"""Tune feature weights for the highest BLEU by minimum error rate training (Och 2003).

Along a direction in weight space, a candidate's score is a linear function of the step. The highest lines of a sentence
form its upper envelope, and the choice, and with it BLEU, changes only at the corners of envelopes. So the search along
a line is exact.

Shapes: N sentences, M candidates, D features, C corners of all envelopes.
"""

from dataclasses import dataclass

import numpy as np

from s2s.evaluation.candidates import Candidates, Floats, Integers, bleu, first_highest

SMALLEST_GAIN = 1e-9  # of BLEU
NARROWEST = 1e-9  # relative width of intervals that count; rounding may miss narrower ones
STEPS = 100  # the most rounds of line searches from one start; ten are usual


@dataclass(frozen=True)
class Tuned:
    """Tuned weights and their BLEU on the tuning set."""

    weights: Floats  # [D], their absolute values sum to 1
    bleu: float


def tune(candidates: Candidates, start: Floats, restarts: int, seed: int) -> Tuned:
    """Return the best weights found from several starts; they are never worse than the given start.

    Args:
        candidates: candidates of the development set.
        start: initial weights, [D], not all 0.
        restarts: number of additional random starts.
        seed: seed of random starts and directions.
    """
    draw = np.random.default_rng(seed)
    scale = 1 / spread(candidates)
    starts = [start, *(draw.normal(size=len(start)) * scale for _ in range(restarts))]
    results = [climb(candidates, weights, scale, draw) for weights in starts]
    return max(results, key=lambda tuned: tuned.bleu)


def spread(candidates: Candidates) -> Floats:
    """Return the standard deviation of each feature within sentences, [D]; 1 for constant features."""
    sizes = np.diff(candidates.starts)[:, None]
    means = np.add.reduceat(candidates.features, candidates.starts[:-1]) / sizes
    deviations = np.sqrt(((candidates.features - means[candidates.owners]) ** 2).mean(axis=0))
    positive: Floats = np.where(deviations > 0, deviations, 1.0)
    return positive


def climb(candidates: Candidates, start: Floats, scale: Floats, draw: np.random.Generator) -> Tuned:
    """Search along the axes and as many random directions, and repeat from the best point while BLEU rises."""
    best = measured(candidates, start)
    for _ in range(STEPS):
        random = draw.normal(size=(len(start), len(start)))
        directions = np.vstack((np.eye(len(start)), random)) * scale
        points = [search_line(candidates, best.weights, direction) for direction in directions]
        reached = max((measured(candidates, weights) for weights in points), key=lambda tuned: tuned.bleu)
        if reached.bleu <= best.bleu + SMALLEST_GAIN:
            break
        best = reached
    return best


def measured(candidates: Candidates, weights: Floats) -> Tuned:
    """Normalize weights so that their absolute values sum to 1, and compute their BLEU."""
    size = np.abs(weights).sum()
    weights = np.round(weights / size, 9) if size else weights
    return Tuned(weights, candidates.bleu(candidates.choose(weights)))


def search_line(candidates: Candidates, weights: Floats, direction: Floats) -> Floats:
    """Return the weights of highest BLEU on the line through some weights, [D].

    The result is the middle of the interval of highest BLEU; of several such intervals, the nearest to the weights.
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
    point: Floats = weights + direction * middles[near[np.abs(middles[near]).argmin()]]
    return point


@dataclass(frozen=True)
class Turns:
    """The corners of all envelopes, where another candidate of a sentence becomes the best, by rising step."""

    steps: Floats  # position along the direction, [C]
    old: Integers  # best candidate before, [C]
    new: Integers  # best candidate after, [C]


def envelopes(candidates: Candidates, heights: Floats, slopes: Floats) -> tuple[Integers, Turns]:
    """Return each sentence's best candidate at step minus infinity, [N], and all corners of the envelopes.

    All sentences advance together from corner to corner. Lines no steeper than the best one can never be best again and
    are dropped, so most are examined once or twice.

    Args:
        candidates: only their grouping by sentence matters.
        heights: scores at step 0, [M].
        slopes: change of the scores per step, [M].
    """
    flattest = np.minimum.reduceat(slopes, candidates.starts[:-1])
    first = candidates.best(np.where(slopes == flattest[candidates.owners], heights, -np.inf))
    lead, corners = first.copy(), [(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))]
    rows, owners = np.arange(len(slopes)), candidates.owners
    while True:
        steeper = slopes[rows] > slopes[lead[owners]]
        rows, owners = rows[steeper], owners[steeper]
        if not len(rows):
            break
        top = lead[owners]
        steps = (heights[top] - heights[rows]) / (slopes[rows] - slopes[top])
        places = next_turns(steps, slopes[rows], np.flatnonzero(np.diff(owners, prepend=-1)))
        corners.append((steps[places], top[places], rows[places]))
        lead[owners[places]] = rows[places]
    steps, old, new = (np.concatenate(parts) for parts in zip(*corners, strict=True))
    order = np.argsort(steps, kind="stable")
    return first, Turns(steps[order], old[order], new[order])


def next_turns(steps: Floats, slopes: Floats, starts: Integers) -> Integers:
    """Return the index of the line that crosses each sentence's best line first; of ties, the steepest."""
    soonest = steps[first_highest(-steps, starts)]
    ties = steps == np.repeat(soonest, np.diff(starts, append=len(steps)))
    return first_highest(np.where(ties, slopes, -np.inf), starts)
