"""Cutting a batch into the shares of processes, and each share into as few pieces as fit in memory."""

from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np
import pytest

from s2s.training.memory import Numbers, cost, pieces, share


@pytest.mark.parametrize(("count", "ranks"), [(8, 1), (8, 4), (7, 4), (2, 4), (0, 2)])
def test_shares_are_even_and_make_up_the_batch(count: int, ranks: int) -> None:
    pairs = np.arange(100, 100 + count, dtype=np.int32)
    shares = [share(pairs, rank, ranks) for rank in range(ranks)]
    assert sorted(np.concatenate(shares).tolist()) == pairs.tolist()
    sizes = [len(own_pairs) for own_pairs in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("sources", "targets", "expected"), [([], [], 0), ([5], [3], 8), ([5, 0, 2], [3, 1, 4], 7 + 3 * 4)]
)
def test_targets_cost_their_padding(sources: list[int], targets: list[int], expected: int) -> None:
    assert cost(np.array(sources, np.int32), np.array(targets, np.int32)) == expected


def cut(sources: list[int], targets: list[int], piece_tokens: int) -> list[list[int]]:
    """Return the pieces of pairs that are numbered from 0."""
    pairs = np.arange(len(sources), dtype=np.int32)
    runs = pieces(pairs, np.array(sources, np.int64), np.array(targets, np.int64), piece_tokens)
    return [piece.tolist() for piece in runs]


@pytest.mark.parametrize(
    ("sources", "targets", "piece_tokens", "expected"),
    [
        ([], [], 10, []),
        ([], [], 0, []),
        ([5, 5, 5], [5, 5, 5], 0, [[0, 1, 2]]),
        ([5, 5, 5], [5, 5, 5], 30, [[0, 1, 2]]),
        ([5, 5, 5, 5], [5, 5, 5, 5], 30, [[0, 1], [2, 3]]),
        ([5, 5, 5], [5, 5, 5], 29, [[0, 1], [2]]),
        ([1, 1, 1, 1], [1, 1, 1, 9], 14, [[0, 1, 2], [3]]),
        ([1, 90, 1, 1], [1, 1, 1, 1], 10, [[0], [1], [2, 3]]),
        ([50, 60], [50, 60], 10, [[0], [1]]),
        ([0, 0, 0], [1, 1, 1], 1, [[0], [1], [2]]),
    ],
    ids=[
        "nothing",
        "nothing, without limit",
        "without limit",
        "just fits",
        "even, not 3 and 1",
        "one token over",
        "padding counts",
        "a longer pair alone",
        "all longer",
        "empty sources",
    ],
)
def test_a_share_is_cut(sources: list[int], targets: list[int], piece_tokens: int, expected: list[list[int]]) -> None:
    assert cut(sources, targets, piece_tokens) == expected


def test_pieces_hold_the_numbers_of_the_pairs() -> None:
    pairs: Numbers = np.array([7, 3, 9], np.int32)
    lengths = np.array([4, 4, 4], np.int32)
    assert [piece.tolist() for piece in pieces(pairs, lengths, lengths, 16)] == [[7, 3], [9]]


def ways(count: int) -> Iterator[list[range]]:
    """Yield every division of pairs into runs."""
    for number in range(count):
        for inner in combinations(range(1, count), number):
            bounds = [0, *inner, count]
            yield [range(start, end) for start, end in pairwise(bounds)]


def tokens(piece: range | list[int], sources: list[int], targets: list[int]) -> int:
    """Count source tokens, and target positions with padding."""
    return sum(sources[pair] for pair in piece) + max(targets[pair] for pair in piece) * len(piece)


@pytest.mark.parametrize("seed", range(20))
def test_no_other_cut_is_better(seed: int) -> None:
    draw = np.random.default_rng(seed)
    count = int(draw.integers(1, 9))
    sources, targets = draw.integers(0, 20, count).tolist(), draw.integers(1, 20, count).tolist()
    limit = int(draw.integers(10, 120))

    def rating(way: list[range] | list[list[int]]) -> tuple[int, int]:
        """Return the number of pieces, and the size of the largest that is not a single pair over the limit."""
        costs = [tokens(piece, sources, targets) for piece in way]
        return len(way), max((piece_cost for piece_cost in costs if piece_cost <= limit), default=0)

    fitting = [
        way for way in ways(count) if all(len(piece) == 1 or tokens(piece, sources, targets) <= limit for piece in way)
    ]
    runs = cut(sources, targets, limit)
    assert [pair for piece in runs for pair in piece] == list(range(count))
    assert all(len(piece) == 1 or tokens(piece, sources, targets) <= limit for piece in runs)
    assert rating(runs) == min(map(rating, fitting))
