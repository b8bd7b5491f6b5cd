"""Figure of BLEU over groups of test sentences with bands of 95 % intervals (the paper's Figure 3)."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.axes import WIDE, frame, legend, look, span
from pipeline.figures.svg import drawn, tell
from pipeline.schemas.reports.scores import Group, LengthGroup

LETTER = 4.6  # typographic points, the width of a digit in a label


@drawn
def lengths(systems: Mapping[str, Sequence[LengthGroup]], width: float = WIDE) -> Figure:
    """Draw BLEU over sentences sorted by length (Sutskever et al. 2014, Figure 3, left).

    Args:
        systems: for each system its groups of sentences as in reports/length.json, the shortest sentences first.
        width: of the figure, in inches.
    """
    groups = {
        name: [
            Group(row.bin, row.shortest, row.longest, row.sentences, row.bleu, row.bleu_low, row.bleu_high)
            for row in rows
        ]
        for name, rows in systems.items()
    }
    return draw(groups, width, "tokens of the source sentence", "{} tokens")


@drawn
def ranks(systems: Mapping[str, Sequence[Group]], width: float = WIDE) -> Figure:
    """Draw BLEU over sentences sorted by the rarity of their words (Sutskever et al. 2014, Figure 3, right).

    Args:
        systems: for each system its groups of sentences as in reports/rarity.json, those of frequent words first.
        width: of the figure, in inches.
    """
    return draw(systems, width, "average frequency rank of the source words", "ranks {}")


def draw(systems: Mapping[str, Sequence[Group]], width: float, title: str, bounds: str) -> Figure:
    """Draw all systems.

    Args:
        systems: groups of each system.
        width: of the figure, in inches.
        title: of the x axis, the property that sentences are sorted by.
        bounds: template of a group's name in tooltips, such as "{} tokens".
    """
    figure, axes = frame(width, list(systems))
    for number, (name, groups) in enumerate(systems.items()):
        draw_band(axes, name, groups, number)
    for name, groups in systems.items():  # after all bands, so that tooltips are on top
        for group in groups:
            tell(
                axes,
                group.bin,
                group.bleu,
                f"{name}, {bounds.format(span(group.lowest, group.highest))}: {in_words(group)}",
            )
    label_groups(axes, max(systems.values(), key=len, default=()), width)
    axes.set_xlabel(title)
    axes.set_ylabel("BLEU")
    axes.set_ylim(*score_limits([group for groups in systems.values() for group in groups]))
    legend(axes, width, list(systems))
    return figure


def draw_band(axes: Axes, name: str, groups: Sequence[Group], number: int) -> None:
    """Draw one system as a line through its scores, over a light band of their intervals."""
    scores = np.array([(group.bleu_low, group.bleu, group.bleu_high) for group in groups]).reshape(-1, 3)
    bins = [group.bin for group in groups]
    axes.fill_between(bins, scores[:, 0], scores[:, 2], color=look(number)["color"], alpha=0.13, linewidth=0)
    if len(groups) == 1:  # a band of one group has no area
        axes.vlines(bins, scores[:, 0], scores[:, 2], color=look(number)["color"], linewidth=0.9)
    axes.plot(bins, scores[:, 1], label=name, **look(number))


def label_groups(axes: Axes, groups: Sequence[Group], width: float) -> None:
    """Label as many groups with their bounds as fit next to each other."""
    labels = [span(group.lowest, group.highest) for group in groups]
    room = 72 * (width - 0.65) / max(len(groups), 1)  # typographic points per group
    step = max(1, math.ceil((LETTER * max(map(len, labels), default=0) + 2 * LETTER) / room))
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_xticks([group.bin for group in groups[::step]], labels[::step])
    axes.set_xlim(0.5, max(len(groups), 1) + 0.5)
    axes.grid(visible=False, axis="x")


def score_limits(groups: Sequence[Group]) -> tuple[float, float]:
    """Return limits around all intervals, at least 20 points apart so that a small difference looks small."""
    low = min((group.bleu_low for group in groups), default=0.0)
    high = max((group.bleu_high for group in groups), default=100.0)
    top = min(10 * math.ceil((high + 2) / 10), 100)
    bottom = max(min(10 * math.floor((low - 2) / 10), top - 20), 0)
    return bottom, max(top, 20) + (top == 100)  # a marker at 100 is shown whole


def in_words(group: Group) -> str:
    """Describe the score of a group of sentences."""
    score = f"BLEU {group.bleu:.2f}, 95 % interval {group.bleu_low:.2f} to {group.bleu_high:.2f}"
    return f"{score}, sentences: {group.sentences}"
