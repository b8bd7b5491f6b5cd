"""The histogram of sentence lengths: bins, typical lengths, and the drawn steps."""

import re
import statistics
from collections import Counter

import numpy as np
import pytest

from pipeline.figures import axes, histogram
from pipeline.figures.histogram import Bin, Typical
from pipeline.schemas.data.encoded import EncodedSplit
from pipeline.schemas.reports.text import LONGEST, Lengths


def lengths(source: list[int], target: list[int]) -> Lengths:
    """Return the histogram of sentences of these lengths."""
    sides = [Counter(min(length, LONGEST) for length in side) for side in (source, target)]
    return Lengths(*([counts[length] for length in range(LONGEST + 1)] for counts in sides))


@pytest.mark.parametrize(
    ("source", "target", "bins"),
    [
        ([3, 3, 4], [5, 6, 6], [Bin(3, 3, 2, 0), Bin(4, 4, 1, 0), Bin(5, 5, 0, 1), Bin(6, 6, 0, 2)]),
        ([0, 1], [1, 1], [Bin(0, 0, 1, 0), Bin(1, 1, 1, 2)]),
        ([199, 200, 9999], [199, 199, 201], [Bin(199, 199, 1, 2), Bin(200, None, 2, 1)]),
        ([300], [200], [Bin(200, None, 1, 1)]),
        ([], [], []),
    ],
)
def test_bins_go_from_the_first_to_the_last_sentence(source: list[int], target: list[int], bins: list[Bin]) -> None:
    assert histogram.grouped(lengths(source, target)) == bins


@pytest.mark.parametrize("longest", [1, 39, 40, 41, 80, 81, 199, 200, 500])
def test_bins_are_few_and_lose_no_sentence(longest: int) -> None:
    source, target = list(range(longest + 1)), [longest] * (longest + 1)
    bins = histogram.grouped(lengths(source, target))
    assert len(bins) <= histogram.BINS
    assert sum(bar.source for bar in bins) == sum(bar.target for bar in bins) == longest + 1
    assert {bar.width for bar in bins if bar.longest is not None} == {bins[0].width}


def test_typical_lengths_are_those_of_the_sentences() -> None:
    source = np.random.default_rng(1).integers(1, 90, 1000)
    target = source + 1  # with </s>
    split = EncodedSplit(1000, int(source.sum()), int(source.sum()), 0, 0)
    typical = histogram.typical(split, lengths(source.tolist(), target.tolist()))
    for side, values in (("source", source), ("target", target)):
        assert typical[side].mean == pytest.approx(statistics.mean(values.tolist()))
        for percentage, length in typical[side].quantiles.items():
            assert length == np.percentile(values, percentage, method="inverted_cdf")


def test_means_know_how_long_the_longest_are() -> None:
    typical = histogram.typical(EncodedSplit(2, 2 + 9998, 2, 0, 0), lengths([2, 9998], [2, 2]))
    assert typical["source"] == Typical(5000.0, {50: 2, 90: LONGEST, 99: LONGEST, 100: LONGEST})


def test_labels_that_would_touch_are_left_out() -> None:
    assert histogram.spread([(10, 50), (12, 90), (20, 99)], 5.0) == [(10, 50), (20, 99)]


@pytest.mark.parametrize("width", [axes.WIDE, axes.NARROW])
def test_the_last_bin_is_named_within_the_figure(width: float) -> None:
    long = lengths([5, 250], [6, 250])
    svg = histogram.sentences(histogram.grouped(long), histogram.typical(EncodedSplit(2, 255, 254, 0, 0), long), width)
    label = re.search(r'text-anchor: end[^>]* x="(\S+)"[^>]*>200 and more<', svg)
    assert label and float(label[1]) <= width * 72


def test_shares_stand_where_the_numbers_are() -> None:
    """Three of four source sentences have one token, so this step is three times as high as the next."""
    some = lengths([1, 1, 1, 2], [3, 3, 3, 3])
    svg = histogram.sentences(histogram.grouped(some), histogram.typical(EncodedSplit(4, 5, 8, 0, 0), some))
    line = re.search(r'<path d="([^"]+)" clip-path="[^"]+" style="fill: none; stroke: #3f7fd6', svg)
    assert line
    heights = [float(y) for y in re.findall(r"[ML] \S+ (\S+)", line[1])]
    base, first, second = heights[0], heights[1], heights[3]
    assert base - first == pytest.approx(3 * (base - second), abs=0.05) and base > second
