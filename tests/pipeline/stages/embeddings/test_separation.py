"""Measures of how far groups of encoder states lie apart, against scikit-learn and exhaustive permutation."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from pipeline.schemas.reports.embeddings import Separation
from pipeline.stages.embeddings import separation
from pipeline.stages.embeddings.separation import Settings

ALL = Settings(permutations=10_000, seed=1)


def points(seed: int, groups: str, apart: float) -> NDArray[np.float32]:
    """Draw a point for each letter of `groups` around a center per distinct letter, [N, 4]."""
    draw = np.random.default_rng(seed)
    middles = {name: apart * draw.normal(size=4) for name in sorted(set(groups))}
    return np.array([middles[name] + draw.normal(size=4) for name in groups], np.float32)


def measure(states: NDArray[np.float32], groups: str, how: Settings = ALL) -> Separation:
    return separation.measure(states, list(groups), list(groups), how)


@pytest.mark.parametrize("groups", ["aabb", "abcabc", "aabbbcc", "abbb", "aabbc"])
@pytest.mark.parametrize("apart", [0.0, 3.0])
def test_silhouette_and_accuracy_are_those_of_scikit_learn(groups: str, apart: float) -> None:
    states = points(len(groups), groups, apart)
    measured = measure(states, groups, Settings(permutations=10, seed=1))
    assert measured.silhouette == pytest.approx(silhouette_score(states.astype(np.float64), list(groups)), abs=1e-5)
    neighbor = KNeighborsClassifier(n_neighbors=1)
    hits = cross_val_score(neighbor, states.astype(np.float64), np.array(list(groups)), cv=LeaveOneOut())
    among = [groups.count(name) > 1 for name in groups]
    assert measured.accuracy == pytest.approx(hits[among].mean(), abs=1e-6)


def test_p_values_of_a_tiny_panel_are_those_of_all_permutations() -> None:
    groups = "aabbb"
    states = points(3, groups, 1.0)
    ways = ["".join(way) for way in permutations(groups)]  # 120 permutations: 10 arrangements, 12 times each
    scores = np.array([silhouette_score(states.astype(np.float64), list(way)) for way in ways])
    measured = measure(states, groups)
    assert measured.exact and measured.arrangements == 10
    assert measured.silhouette_p_value == pytest.approx(np.mean(scores >= scores[0] - 1e-6))
    gaps = np.linalg.norm(states[:, None] - states[None], axis=2) + np.diag([np.inf] * 5)
    nearest = gaps.argmin(axis=1)
    hits = np.array([np.mean([way[row] == way[neighbor] for row, neighbor in enumerate(nearest)]) for way in ways])
    assert measured.accuracy_p_value == pytest.approx(np.mean(hits >= hits[0] - 1e-6))
    assert measured.accuracy_chance == pytest.approx(hits.mean(), abs=1e-6)


def test_drawn_arrangements_come_near_to_all_and_follow_from_the_seed() -> None:
    groups = "aaaabbbb"
    states = points(5, groups, 0.6)
    exact, drawn = measure(states, groups), measure(states, groups, Settings(permutations=69, seed=1))
    assert (exact.exact, exact.arrangements) == (True, 70)
    assert (drawn.exact, drawn.arrangements) == (False, 70)
    assert exact.silhouette_p_value is not None and exact.silhouette_p_value < 1
    many = separation.arrange(np.array([0, 0, 0, 0, 1, 1, 1, 1]), Settings(permutations=69, seed=1))[0]
    assert (many[0] == [0, 0, 0, 0, 1, 1, 1, 1]).all() and (np.sort(many) == np.sort(many[0])).all()
    wide = "aaaaabbbbbccccc"  # 756,756 arrangements
    first, second = (measure(points(6, wide, 0.7), wide, Settings(5000, seed)) for seed in (1, 2))
    assert first == measure(points(6, wide, 0.7), wide, Settings(5000, 1))
    assert first.silhouette_p_value == pytest.approx(second.silhouette_p_value, abs=0.02)
    assert first.silhouette_p_value != second.silhouette_p_value


def test_groups_that_lie_far_apart_are_told_from_chance_and_equal_points_are_not() -> None:
    apart = measure(points(1, "aaabbbccc", 50.0), "aaabbbccc")
    assert apart.accuracy == 1 and apart.silhouette is not None and apart.silhouette > 0.9
    assert apart.silhouette_p_value == apart.accuracy_p_value == pytest.approx(6 / 1680, abs=1e-6)
    assert apart.spread is not None and apart.spread < 0.1
    equal = measure(np.ones((4, 3), np.float32), "aabb")
    assert (equal.silhouette, equal.silhouette_p_value, equal.accuracy_p_value) == (0, 1, 1)
    # All distances are equal, so each of the 3 other sentences counts as nearest, and 1 is of the same group.
    assert equal.accuracy == pytest.approx(1 / 3, abs=1e-6)
    assert equal.spread is None


@pytest.mark.parametrize("groups", ["a", "aaa", "abc"], ids=["one sentence", "one group", "groups of one"])
def test_sentences_that_cannot_tell_give_nothing(groups: str) -> None:
    measured = measure(points(1, "abc"[: len(groups)], 1.0), groups)
    assert (measured.silhouette, measured.silhouette_p_value) == (None, None)
    assert (measured.accuracy, measured.accuracy_p_value) == (None, None)
    assert (measured.spread, measured.groups) == (None, len(set(groups)))


def test_spread_and_reordering_are_ratios_of_mean_distances() -> None:
    states = np.array([[0], [1], [10], [12]], np.float32)
    bags = [separation.bag(line) for line in ("The dog sees a cat", "the cat sees a dog", "a cat", "A dog")]
    measured = separation.measure(states, ["x", "x", "y", "y"], bags, ALL)
    assert measured.spread == pytest.approx(1.5 / ((10 + 12 + 9 + 11) / 4), abs=1e-6)
    assert measured.reordered == pytest.approx(1 / ((10 + 12 + 9 + 11 + 2) / 5), abs=1e-6)
