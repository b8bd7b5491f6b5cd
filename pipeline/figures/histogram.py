"""Histogram of sentence lengths: its bins, typical lengths, and its figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.figures.axes import HEIGHT, WIDE, look, place, span
from pipeline.figures.svg import drawn, tell_span
from pipeline.schemas.data.encoded import EncodedSplit
from pipeline.schemas.reports.text import LONGEST, Lengths

BINS = 41  # at most; more would be too narrow to compare on a phone
WIDTHS = (1, 2, 5)  # tokens per bin; each divides LONGEST, and the widest needs forty bins for it
PERCENTAGES = (50, 90, 99, 100)  # of the sentences, for quantiles of their lengths
STRIP = 0.75  # inches, above the histogram
LABEL_WIDTH = 0.3  # inches


@dataclass(frozen=True)
class Bin:
    """The counts of sentences on both sides in a range of lengths; the last bin may have no upper end."""

    shortest: int
    longest: int | None
    source: int
    target: int

    @property
    def width(self) -> int:
        """Number of lengths in the bin; 1 if it has no upper end."""
        return (self.longest or self.shortest) - self.shortest + 1


@dataclass(frozen=True)
class Typical:
    """The mean length of one side's sentences in tokens, and quantiles of the length by percentage."""

    mean: float
    quantiles: dict[int, int]


def grouped(lengths: Lengths) -> list[Bin]:
    """Return the histogram in bins of equal width, from the first to the last that is not empty."""
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
    """Count the sentences of start to end - 1 tokens on both sides."""
    return sum(lengths.source[start:end]), sum(lengths.target[start:end])


def typical(split: EncodedSplit, lengths: Lengths) -> dict[str, Typical]:
    """Return mean and quantiles of both sides' lengths; targets count </s>, and means include the last bin exactly."""
    tokens = {"source": split.source_tokens, "target": split.target_tokens + split.pairs}
    counts = {"source": lengths.source, "target": lengths.target}
    return {
        side: Typical(
            tokens[side] / max(1, split.pairs),
            {percentage: quantile(counts[side], percentage) for percentage in PERCENTAGES},
        )
        for side in counts
    }


def quantile(counts: Sequence[int], percentage: int) -> int:
    """Return the shortest length that a percentage of the sentences do not exceed, computed in integers."""
    seen = np.cumsum(np.array(counts, np.int64))
    return int(np.searchsorted(100 * seen, percentage * seen[-1]))


@drawn
def sentences(bins: Sequence[Bin], sides: Mapping[str, Typical], width: float = WIDE) -> Figure:
    """Draw the shares of sentences by length, and above them the mean and some quantiles.

    Args:
        bins: as `grouped` returns them.
        sides: typical lengths of source and target.
        width: of the figure, in inches.
    """
    figure = Figure(figsize=(width, HEIGHT + STRIP))
    axes = place(figure, 0.55, 0.5, width - 0.65, HEIGHT - 0.5)
    strip = place(figure, 0.55, HEIGHT + 0.05, width - 0.65, STRIP - 0.1)
    if bins:
        edges = edges_of(bins)
        for number, side in enumerate(sides):
            draw_bins(axes, edges, [getattr(group, side) for group in bins], look(number)["color"])
        tell_bins(axes, edges, bins)
        label_lengths(axes, bins)
        for part in (axes, strip):
            part.set_xlim(edges[0], edges[-1])
    axes.set_xlabel("tokens")
    axes.set_ylabel("% of the sentences")
    mark_typical(strip, sides, LABEL_WIDTH * float(np.ptp(strip.get_xlim())) / (width - 0.65))
    return figure


def edges_of(bins: Sequence[Bin]) -> NDArray[np.float64]:
    """Return the edges of N bins, [N + 1]; a bin without an upper end is as wide as the first."""
    return np.array([*(group.shortest for group in bins), bins[-1].shortest + bins[0].width]) - 0.5


def draw_bins(axes: Axes, edges: NDArray[np.float64], counts: Sequence[int], color: str) -> None:
    """Draw one side as a line over a light area, so that both sides are visible where they overlap."""
    shares = 100 * np.array(counts) / max(1, sum(counts))
    axes.stairs(shares, edges, fill=True, color=color, alpha=0.16, linewidth=0)
    axes.stairs(shares, edges, color=color, linewidth=1.2)


def tell_bins(axes: Axes, edges: NDArray[np.float64], bins: Sequence[Bin]) -> None:
    """Add the counts of each bin as a tooltip."""
    for group, left, right in zip(bins, edges, edges[1:], strict=False):
        lengths = f"{group.shortest} and more" if group.longest is None else span(group.shortest, group.longest)
        tell_span(axes, left, right, f"{lengths} tokens: source {group.source:,}, target {group.target:,} sentences")


def label_lengths(axes: Axes, bins: Sequence[Bin]) -> None:
    """Label the lengths, and the bin of all longer sentences."""
    axes.grid(visible=False, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    if bins[-1].longest is None:
        ticks = [tick for tick in (0, 50, 100) if tick >= bins[0].shortest]
        axes.set_xticks([*ticks, LONGEST], [*map(str, ticks), f"{LONGEST} and more"])
        axes.get_xticklabels()[-1].set_horizontalalignment("right")


def mark_typical(axes: Axes, sides: Mapping[str, Typical], room: float) -> None:
    """Draw a line per side with a diamond at the mean and a tick at each quantile, labeled if there is `room`."""
    axes.set_axis_off()
    axes.set_ylim(len(sides) - 0.7, -0.8)
    for number, (side, lengths) in enumerate(sides.items()):
        color = look(number)["color"]
        marked = [(length, percentage) for percentage, length in lengths.quantiles.items() if percentage < 100]
        axes.plot([length for length, _ in marked], [number] * len(marked), "|-", color=color, ms=7, mew=0.9, lw=0.9)
        axes.plot(lengths.mean, number, "D", color=color, markersize=3.6)
        axes.text(-0.01, number, side, color=color, transform=axes.get_yaxis_transform(), ha="right", va="center")
        for length, percentage in spread(marked, room):
            axes.annotate(
                f"{percentage} %", (length, number), (0, 5), textcoords="offset points", fontsize=7.5, ha="center"
            )


def spread(marked: Sequence[tuple[int, int]], room: float) -> list[tuple[int, int]]:
    """Return the marks that are at least `room` to the right of the last returned mark."""
    kept: list[tuple[int, int]] = []
    for mark in marked:
        if not kept or mark[0] - kept[-1][0] >= room:
            kept.append(mark)
    return kept
