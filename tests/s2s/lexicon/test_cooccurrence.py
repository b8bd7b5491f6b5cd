"""Co-occurring words of sentence pairs, grouped in blocks that fit in memory."""

import numpy as np
import pytest

from s2s.lexicon import cooccurrence
from s2s.lexicon.cooccurrence import Sentences, groups, number, sort


def text(seed: int, words: int, lengths: list[int]) -> Sentences:
    """Return random sentences in which each word occurs."""
    draw = np.random.default_rng(seed)
    ids = np.concatenate([np.arange(words), draw.integers(0, words, sum(lengths) - words)])
    return Sentences(draw.permutation(ids).astype(np.int32), np.array(lengths, np.int32))


SOURCE, TARGET = text(1, 7, [1, 3, 2, 3, 3, 1, 4]), text(2, 9, [2, 3, 2, 3, 1, 2, 5])


@pytest.mark.parametrize("cells", [1, 10, 1000])
def test_groups_hold_each_pair_once(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "GROUP_CELLS", cells)
    pairs = {}
    for group in groups(SOURCE, TARGET):
        assert len(group.rows) == 1 or group.sources.size * group.targets.shape[1] <= cells
        for row, source, target in zip(group.rows.tolist(), group.sources, group.targets, strict=True):
            assert row not in pairs
            pairs[row] = source.tolist(), target.tolist()
    sides = (np.split(side.ids, np.cumsum(side.lengths)[:-1]) for side in (SOURCE, TARGET))
    assert pairs == {row: (s.tolist(), t.tolist()) for row, (s, t) in enumerate(zip(*sides, strict=True))}


@pytest.mark.parametrize("block", [1, 5, 1000])
def test_the_number_of_a_cell_leads_to_its_words(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "BLOCK_CELLS", block)
    parts = list(groups(SOURCE, TARGET))
    table = number(parts, 7, 9)
    cells = [(f, e) for part in parts for S, T in zip(part.sources, part.targets, strict=True) for f in S for e in T]
    entries = sorted(set(cells))
    sources = np.repeat(np.arange(7), np.diff(table.starts)).tolist()
    assert list(zip(sources, table.targets.tolist(), strict=True)) == entries
    assert [entries[cell] for cell in table.numbers] == cells


def test_sorting_is_that_of_numpy() -> None:
    keys = np.random.default_rng(3).integers(10**12, 10**12 + 500, 1000)
    distinct, places, inverse = sort(keys)
    expected, order = np.unique(keys, return_inverse=True)
    assert distinct.tolist() == expected.tolist()
    assert sorted(places.tolist()) == list(range(1000))
    assert inverse.tolist() == order[places].tolist()
