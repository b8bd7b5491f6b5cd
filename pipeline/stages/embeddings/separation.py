"""Measures of the separation of groups of probe sentences, with permutation tests.

The paper shows the separation in a plane (section 3.8, Figure 2). Here, distances are those between whole states, so
that no direction is lost and models can be compared.

Shapes: N sentences, G groups, P arrangements of the groups among the sentences.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.schemas.reports.embeddings import Separation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
DECIMALS = 6
SAME = 1e-9  # sums of the same numbers in different orders differ by less
TOGETHER = 256  # arrangements computed at once, which take some megabytes


@dataclass(frozen=True)
class Settings:
    """The largest number of arrangements to try, and the seed to draw them with if there are more."""

    permutations: int
    seed: int


def measure(states: NDArray[np.float32], groups: Sequence[str], bags: Sequence[object], how: Settings) -> Separation:
    """Measure the separation of the groups of one panel.

    Args:
        states: the vectors of its sentences, [N, H].
        groups: the group of each sentence, [N].
        bags: values that are equal for sentences with the same words, [N].
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
    """Return the number of each name, [N]; equal names are numbered from 0 in the order of their first places."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.int64)


def distances_of(states: NDArray[np.float32]) -> Floats:
    """Return the Euclidean distances of all pairs, [N, N], rounded so that equal distances have equal bits."""
    points = states.astype(np.float64)
    return np.array([np.linalg.norm(points - point, axis=1) for point in points]).round(DECIMALS)


def arrange(labels: Integers, how: Settings) -> tuple[Integers, bool]:
    """Return the actual groups first, then other arrangements of them among the sentences.

    Returns:
        The arrangements [P, N], and whether they are all possible ones, each once.
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
    """Return all arrangements of groups of some sizes, each once."""
    ways: list[list[int]] = [[]]
    for _ in range(sum(sizes)):
        ways = [[*row, group] for row in ways for group, size in enumerate(sizes) if row.count(group) < size]
    return ways


def against_chance(
    sizes: Integers, distances: Floats, arrangements: Integers, score: Callable[[Floats, Integers, Integers], Floats]
) -> tuple[float | None, float | None, float | None]:
    """Return the score of the first arrangement, the share of all arrangements that reach it, and their mean score.

    All are None if each sentence is a group of its own, or all sentences are one group.
    """
    if not 1 < len(sizes) < len(distances):
        return None, None, None
    parts = range(0, len(arrangements), TOGETHER)
    scores = np.concatenate([score(distances, arrangements[start : start + TOGETHER], sizes) for start in parts])
    values = scores[0], np.mean(scores >= scores[0] - SAME), scores.mean()
    own, p_value, mean = (round(float(value), DECIMALS) + 0.0 for value in values)  # + 0.0 makes -0.0 plain
    return own, p_value, mean


def silhouettes(distances: Floats, arrangements: Integers, sizes: Integers) -> Floats:
    """Compute the mean silhouette of the sentences in each arrangement, [P]; a sentence alone in its group has 0."""
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
    """Compute the share of sentences whose nearest other sentence is in their group, for each arrangement, [P].

    Several equally near sentences count in equal parts. Sentences alone in their group do not count.
    """
    gaps = distances + np.diag(np.full(len(distances), np.inf))
    near = gaps == gaps.min(axis=1, keepdims=True)
    parts = (near / near.sum(axis=1, keepdims=True)) @ belonging(arrangements, len(sizes))  # [P, N, G]
    right = np.take_along_axis(parts, arrangements[:, :, None], 2)[:, :, 0]
    return np.asarray(right.mean(axis=1, where=sizes[arrangements] > 1))


def belonging(arrangements: Integers, groups: int) -> Floats:
    """Return 1 where a sentence is in a group, else 0, [P, N, G]."""
    return np.eye(groups)[arrangements]


def ratio(distances: Floats, labels: Integers) -> float | None:
    """Divide the mean distance of sentences with equal labels by that with different ones; None without both kinds."""
    same = labels[:, None] == labels[None]
    pairs = np.triu(np.ones(same.shape, bool), 1)
    within, between = distances[pairs & same], distances[pairs & ~same]
    if not len(within) or not len(between) or not between.any():
        return None
    return round(float(within.mean() / between.mean()), DECIMALS)


def bag(tokens: str) -> tuple[str, ...]:
    """Return the sorted lowercase tokens of a sentence, which are equal for sentences with the same words."""
    return tuple(sorted(tokens.lower().split()))
