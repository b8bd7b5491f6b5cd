"""How long sentences are: a histogram, its numbers, and its figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.figures import HEIGHT, WIDE, look, place, span
from pipeline.schemas.encoded import EncodedSplit
from pipeline.schemas.measured_text import LONGEST, Lengths
from pipeline.svg import drawn, tell_span

BINS = 41  # at most: more would be narrower than the eye can compare on a phone
WIDTHS = (1, 2, 5)  # tokens a bin: each divides LONGEST, and the last one has it in forty bins
PERCENTAGES = (50, 90, 99, 100)  # of the sentences that are not longer; the last ones make the longest batches
STRIP = 0.75  # inches above the histogram
LABEL_WIDTH = 0.3  # inches


@dataclass(frozen=True)
class Bin:
    """Sentences of neighboring lengths, and how many there are on each side; the last bin of all may have no end."""

    shortest: int
    longest: int | None
    source: int
    target: int

    @property
    def width(self) -> int:
        """Tokens from the shortest to the longest; one without an end counts as one."""
        return (self.longest or self.shortest) - self.shortest + 1


@dataclass(frozen=True)
class Typical:
    """The mean length of one side, and the lengths that some percentages of its sentences do not exceed."""

    mean: float
    quantiles: dict[int, int]


def grouped(lengths: Lengths) -> list[Bin]:
    """The histogram in bins of one width, from the first to the last that holds a sentence."""
    used = [length for length in range(LONGEST + 1) if any(counted(lengths, length, length + 1))]
    if not used:
        return []
    shortest, longest = used[0], min(used[-1], LONGEST - 1)
    width = next(width for width in WIDTHS if longest // width - shortest // width + 2 <= BINS)
    starts = range(shortest // width * width, longest + 1, width)
    bins = [Bin(start, start + width - 1, *counted(lengths, start, start + width)) for start in starts]
    tail = counted(lengths, LONGEST, LONGEST + 1)
    return [*bins, Bin(LONGEST, None, *tail)] if any(tail) else bins


def counted(lengths: Lengths, start: int, end: int) -> tuple[int, int]:
    """The sentences of start to end - 1 tokens on both sides."""
    return sum(lengths.source[start:end]), sum(lengths.target[start:end])


def typical(split: EncodedSplit, lengths: Lengths) -> dict[str, Typical]:
    """What is typical of each side; means are of all lengths, those in the last bin too. Targets have their </s>."""
    tokens = {"source": split.source_tokens, "target": split.target_tokens + split.pairs}
    counts = {"source": lengths.source, "target": lengths.target}
    return {
        side: Typical(tokens[side] / max(1, split.pairs), {one: quantile(counts[side], one) for one in PERCENTAGES})
        for side in counts
    }


def quantile(counts: Sequence[int], percentage: int) -> int:
    """The shortest length that so many percent of the sentences do not exceed, by whole numbers."""
    seen = np.cumsum(np.array(counts, np.int64))
    return int(np.searchsorted(100 * seen, percentage * seen[-1]))


@drawn
def sentences(bins: Sequence[Bin], sides: Mapping[str, Typical], width: float = WIDE) -> Figure:
    """The shares of sentences of each length, and above them what is typical: the mean, and some quantiles.

    Args:
        bins: as `grouped` makes them.
        sides: what is typical of source and target.
        width: of the figure, in inches.
    """
    figure = Figure(figsize=(width, HEIGHT + STRIP))
    axes = place(figure, 0.55, 0.5, width - 0.65, HEIGHT - 0.5)
    strip = place(figure, 0.55, HEIGHT + 0.05, width - 0.65, STRIP - 0.1)
    if bins:
        edges = edges_of(bins)
        for number, side in enumerate(sides):
            draw_bins(axes, edges, [getattr(one, side) for one in bins], look(number)["color"])
        tell_bins(axes, edges, bins)
        label_lengths(axes, bins)
        for one in (axes, strip):
            one.set_xlim(edges[0], edges[-1])
    axes.set_xlabel("tokens")
    axes.set_ylabel("% of the sentences")
    mark_typical(strip, sides, LABEL_WIDTH * float(np.ptp(strip.get_xlim())) / (width - 0.65))
    return figure


def edges_of(bins: Sequence[Bin]) -> NDArray[np.float64]:
    """Where bins begin and end; one without an end is drawn as wide as the first."""
    return np.array([*(one.shortest for one in bins), bins[-1].shortest + bins[0].width]) - 0.5


def draw_bins(axes: Axes, edges: NDArray[np.float64], counts: Sequence[int], color: str) -> None:
    """Draws one side as a line over a light area: both sides are seen where they overlap."""
    shares = 100 * np.array(counts) / max(1, sum(counts))
    axes.stairs(shares, edges, fill=True, color=color, alpha=0.16, linewidth=0)
    axes.stairs(shares, edges, color=color, linewidth=1.2)


def tell_bins(axes: Axes, edges: NDArray[np.float64], bins: Sequence[Bin]) -> None:
    """Says of each bin how many sentences it holds."""
    for one, left, right in zip(bins, edges, edges[1:], strict=False):
        lengths = f"{one.shortest} and more" if one.longest is None else span(one.shortest, one.longest)
        tell_span(axes, left, right, f"{lengths} tokens: source {one.source:,}, target {one.target:,} sentences")


def label_lengths(axes: Axes, bins: Sequence[Bin]) -> None:
    """Numbers the lengths, and names the bin that holds all longer sentences."""
    axes.grid(visible=False, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    if bins[-1].longest is None:
        ticks = [tick for tick in (0, 50, 100) if tick >= bins[0].shortest]
        axes.set_xticks([*ticks, LONGEST], [*map(str, ticks), f"{LONGEST} and more"])
        axes.get_xticklabels()[-1].set_horizontalalignment("right")


def mark_typical(axes: Axes, sides: Mapping[str, Typical], room: float) -> None:
    """Draws a line a side: a diamond at its mean, and a tick at each quantile that is labelled if it has `room`."""
    axes.set_axis_off()
    axes.set_ylim(len(sides) - 0.7, -0.8)
    for number, (side, found) in enumerate(sides.items()):
        color = look(number)["color"]
        marked = [(length, percentage) for percentage, length in found.quantiles.items() if percentage < 100]
        axes.plot([length for length, _ in marked], [number] * len(marked), "|-", color=color, ms=7, mew=0.9, lw=0.9)
        axes.plot(found.mean, number, "D", color=color, markersize=3.6)
        axes.text(-0.01, number, side, color=color, transform=axes.get_yaxis_transform(), ha="right", va="center")
        for length, percentage in spread(marked, room):
            axes.annotate(
                f"{percentage} %", (length, number), (0, 5), textcoords="offset points", fontsize=7.5, ha="center"
            )


def spread(marked: Sequence[tuple[int, int]], room: float) -> list[tuple[int, int]]:
    """Those marks that are `room` or more to the right of the one before."""
    kept: list[tuple[int, int]] = []
    for mark in marked:
        if not kept or mark[0] - kept[-1][0] >= room:
            kept.append(mark)
    return kept
