"""The choice of sample sentences, and the marks for words that the reference lacks."""

import pytest

from s2s.evaluation import samples
from s2s.evaluation.samples import Part


@pytest.mark.parametrize(
    ("lengths", "count", "various", "longest"),
    [
        ([5, 3, 9, 1, 7, 8, 2, 6, 4], 6, [6, 8, 7], [2, 5, 4]),
        ([5, 3, 9], 12, [], [2, 0, 1]),
        ([5, 3, 9, 1], 12, [3], [2, 0, 1]),
        ([5, 3, 9, 1], 2, [], [2, 0]),
        ([4, 4, 4, 4, 4], 5, [0, 1], [4, 3, 2]),
        ([7], 1, [], [0]),
        ([7, 8], 0, [], []),
    ],
)
def test_samples_are_of_every_length_and_the_longest(
    lengths: list[int], count: int, various: list[int], longest: list[int]
) -> None:
    assert samples.choose(lengths, count) == (various, longest)


@pytest.mark.parametrize(
    ("translation", "reference", "parts"),
    [
        ("a b c", "a b c", [Part("a b c", False)]),
        ("a x y c", "a b c", [Part("a", False), Part("x y", True), Part("c", False)]),
        ("a c", "a b c", [Part("a", False), Part("", True), Part("c", False)]),
        ("a b x", "a b", [Part("a b", False), Part("x", True)]),
        ("", "a b", [Part("", True)]),
        ("", "", []),
    ],
)
def test_what_the_reference_has_not_is_told_from_what_it_has(
    translation: str, reference: str, parts: list[Part]
) -> None:
    assert samples.compare(translation, reference) == parts
