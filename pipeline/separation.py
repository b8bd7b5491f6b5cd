"""How far the groups of a panel of probe sentences lie apart: as numbers, and whether chance would do as well.

The paper shows it in a plane (section 3.8, Figure 2). Here distances are those in the whole state, so that no direction
is lost and models can be compared.

Shapes: N sentences, G groups, P arrangements of the groups among the sentences.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.probes import Separation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
DECIMALS = 6
SAME = 1e-9  # two sums of the same numbers in another order differ by less
TOGETHER = 256  # arrangements computed together: megabytes, however many there are


@dataclass(frozen=True)
class Settings:
    """How many arrangements are tried, if not all of them are fewer, and how they are drawn."""

    permutations: int
    seed: int


def measure(states: NDArray[np.float32], groups: Sequence[str], bags: Sequence[object], how: Settings) -> Separation:
    """Measures one panel.

    Args:
        states: the vectors of its sentences, [N, H].
        groups: that of each, [N].
        bags: equal for sentences of the same words, [N].
        how: the settings of the permutation test.
    """
    distances, labels = distances_of(states), numbered(groups)
    arrangements, exact = arrange(labels, how)
    sizes = np.bincount(labels)
    tested = (against_chance(sizes, distances, arrangements, score) for score in (silhouettes, accuracies))
    (silhouette, silhouette_p, _), (accuracy, accuracy_p, chance) = tested
    return Separation(
        groups=len(sizes),
        silhouette=silhouette,
        silhouette_p_value=silhouette_p,
        accuracy=accuracy,
        accuracy_chance=chance,
        accuracy_p_value=accuracy_p,
        arrangements=len(arrangements),
        exact=exact,
        spread=ratio(distances, labels),
        reordered=ratio(distances, numbered(bags)),
    )


def numbered(names: Sequence[object]) -> Integers:
    """The number of each name, counted in the order in which they appear, [N]."""
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([known[name] for name in names], np.int64)


def distances_of(states: NDArray[np.float32]) -> Floats:
    """Euclidean distances of all pairs, [N, N], rounded: what is equally far shall be so whatever is summed first."""
    points = states.astype(np.float64)
    return np.array([np.linalg.norm(points - point, axis=1) for point in points]).round(DECIMALS)


def arrange(labels: Integers, how: Settings) -> tuple[Integers, bool]:
    """The groups as they are, and then other ways to hand them out among the sentences, [P, N].

    Returns:
        These, and whether they are all that there are, each once.
    """
    sizes = np.bincount(labels).tolist()
    ways = math.factorial(len(labels)) // math.prod(map(math.factorial, sizes))
    if ways > how.permutations:
        draw = np.random.default_rng(how.seed)
        drawn = draw.permuted(np.tile(labels, (how.permutations, 1)), axis=1)
        return np.concatenate([labels[None], drawn]), False
    others = [row for row in every(sizes) if row != labels.tolist()]
    return np.array([labels.tolist(), *others]), True


def every(sizes: Sequence[int]) -> list[list[int]]:
    """All ways to hand out groups of some sizes, each once."""
    ways: list[list[int]] = [[]]
    for _ in range(sum(sizes)):
        ways = [[*row, group] for row in ways for group, size in enumerate(sizes) if row.count(group) < size]
    return ways


def against_chance(
    sizes: Integers, distances: Floats, arrangements: Integers, score: Callable[[Floats, Integers, Integers], Floats]
) -> tuple[float | None, float | None, float | None]:
    """The score of the first arrangement, the share of all that reach it, itself among them, and the mean of all.

    Nothing where each sentence is a group of its own or all are one.
    """
    if not 1 < len(sizes) < len(distances):
        return None, None, None
    parts = range(0, len(arrangements), TOGETHER)
    scores = np.concatenate([score(distances, arrangements[start : start + TOGETHER], sizes) for start in parts])
    found = scores[0], np.mean(scores >= scores[0] - SAME), scores.mean()
    own, p_value, mean = (round(float(value), DECIMALS) + 0.0 for value in found)  # + 0.0 makes -0.0 plain
    return own, p_value, mean


def silhouettes(distances: Floats, arrangements: Integers, sizes: Integers) -> Floats:
    """The mean silhouette of the sentences in each arrangement, [P]; that of a group of one is 0."""
    sums = distances @ belonging(arrangements, len(sizes))  # [P, N, G]
    own = arrangements[:, :, None]
    within = np.take_along_axis(sums, own, 2)[:, :, 0] / np.maximum(sizes[arrangements] - 1, 1)  # [P, N]
    means = sums / sizes
    np.put_along_axis(means, own, np.inf, 2)
    other = means.min(axis=2)
    larger = np.maximum(within, other)
    values = np.where(sizes[arrangements] > 1, (other - within) / np.where(larger > 0, larger, 1), 0.0)
    return np.asarray(values.mean(axis=1))


def accuracies(distances: Floats, arrangements: Integers, sizes: Integers) -> Floats:
    """How often the nearest other sentence is of the same group, in each arrangement, [P].

    Several that are equally near count in equal parts. Sentences that are alone in their group do not count.
    """
    gaps = distances + np.diag(np.full(len(distances), np.inf))
    near = gaps == gaps.min(axis=1, keepdims=True)
    parts = (near / near.sum(axis=1, keepdims=True)) @ belonging(arrangements, len(sizes))  # [P, N, G]
    right = np.take_along_axis(parts, arrangements[:, :, None], 2)[:, :, 0]
    return np.asarray(right.mean(axis=1, where=sizes[arrangements] > 1))


def belonging(arrangements: Integers, groups: int) -> Floats:
    """1 where a sentence is of a group, [P, N, G]."""
    return np.eye(groups)[arrangements]


def ratio(distances: Floats, labels: Integers) -> float | None:
    """The mean distance of sentences of the same label over that of sentences of different ones; None without both."""
    same = labels[:, None] == labels[None]
    pairs = np.triu(np.ones(same.shape, bool), 1)
    within, between = distances[pairs & same], distances[pairs & ~same]
    if not len(within) or not len(between) or not between.any():
        return None
    return round(float(within.mean() / between.mean()), DECIMALS)


def bag(tokens: str) -> tuple[str, ...]:
    """What sentences of the same words share, in whatever order: their tokens, sorted, in small letters."""
    return tuple(sorted(tokens.lower().split()))
