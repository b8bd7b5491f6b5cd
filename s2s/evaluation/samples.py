"""Choose sample sentences to show, and mark where a translation differs from the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

LONGEST = 3  # as many as the paper's Table 3


@dataclass(frozen=True)
class Part:
    """Consecutive words of a translation; no words mark a gap, where only the reference has words."""

    words: str
    differs: bool
    """False if the reference has the same words at that place."""


def choose(lengths: Sequence[int], count: int) -> tuple[list[int], list[int]]:
    """Choose test sentences to show: some of every length, and the longest.

    Args:
        lengths: of all sentences, in tokens.
        count: the largest number of sentences to choose.

    Returns:
        The rows of the middle sentences of groups of about equal size, the shortest first, and the rows of the longest
        sentences, the longest first. No row is in both.
    """
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    longest = order[::-1][: min(LONGEST, count)]
    rest = order[: len(order) - len(longest)]
    groups = min(count - len(longest), len(rest))
    return [rest[(2 * group + 1) * len(rest) // (2 * groups)] for group in range(groups)], longest


def compare(translation: str, reference: str) -> list[Part]:
    """Split a translation into parts that the reference has, parts that it has not, and gaps."""
    words, wanted = translation.split(), reference.split()
    parts = []
    for kind, start, end, _, _ in SequenceMatcher(None, words, wanted, autojunk=False).get_opcodes():
        parts.append(Part(" ".join(words[start:end]), differs=kind != "equal"))
    return parts
