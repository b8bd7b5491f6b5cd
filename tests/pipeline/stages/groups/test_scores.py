"""BLEU of groups of sentences, against sacreBLEU."""

import pytest
from sacrebleu.metrics.bleu import BLEU

from pipeline.stages.groups import scores
from pipeline.stages.groups.scores import Grouping

REFERENCES = [f"the old man number {n} sees a cat in his garden" for n in range(7)]
MEASURES = [2.5, 1.0, 9.0, 1.0, 4.0, 3.0, 8.0]


@pytest.mark.parametrize(
    ("bins", "wanted"),
    [(3, [[1, 3, 0], [5, 4], [6, 2]]), (1, [[1, 3, 0, 5, 4, 6, 2]]), (9, [[1], [3], [0], [5], [4], [6], [2]])],
)
def test_sentences_are_cut_by_count_and_equal_ones_keep_their_order(bins: int, wanted: list[list[int]]) -> None:
    assert scores.cut(MEASURES, bins) == wanted
    assert scores.cut([], bins) == []


def test_each_group_is_scored_by_sacrebleu_and_labelled_with_its_bounds() -> None:
    translations = [line.replace("cat", "dog") if n % 2 else line for n, line in enumerate(REFERENCES)]
    groups = scores.score(translations, REFERENCES, MEASURES, Grouping(3, 100, 1))
    assert [(group.bin, group.lowest, group.highest, group.sentences) for group in groups] == [
        (1, 1.0, 2.5, 3), (2, 3.0, 4.0, 2), (3, 8.0, 9.0, 2)
    ]  # fmt: skip
    for group, rows in zip(groups, ([1, 3, 0], [5, 4], [6, 2]), strict=True):
        wanted = BLEU().corpus_score([translations[row] for row in rows], [[REFERENCES[row] for row in rows]])
        assert group.bleu == pytest.approx(wanted.score, abs=1e-4)
        assert group.bleu_low <= group.bleu <= group.bleu_high
    assert (groups[2].bleu_low, groups[2].bleu_high) == (100.0, 100.0)
