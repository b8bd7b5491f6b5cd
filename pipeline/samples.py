"""Which translations the report page shows, and where they part from the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

LONGEST = 3  # as many as the paper's Table 3


@dataclass(frozen=True)
class Part:
    """Words of a translation that the reference has at that place or not; no words are a gap, where it has more."""

    words: str
    differs: bool


def choose(lengths: Sequence[int], count: int) -> tuple[list[int], list[int]]:
    """Chooses test sentences to show: some of every length, and the longest.

    Args:
        lengths: of all sentences, in tokens.
        count: how many to choose, at most.

    Returns:
        The rows of one sentence out of the middle of each group of about equal count, the shortest first, and the rows
        of the longest ones, the longest first. No row is in both.
    """
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    longest = order[::-1][: min(LONGEST, count)]
    rest = order[: len(order) - len(longest)]
    groups = min(count - len(longest), len(rest))
    return [rest[(2 * group + 1) * len(rest) // (2 * groups)] for group in range(groups)], longest


def compare(translation: str, reference: str) -> list[Part]:
    """Cuts a translation into parts that the reference has too, parts that it has not, and gaps."""
    words, wanted = translation.split(), reference.split()
    parts = []
    for kind, start, end, _, _ in SequenceMatcher(None, words, wanted, autojunk=False).get_opcodes():
        parts.append(Part(" ".join(words[start:end]), differs=kind != "equal"))
    return parts
