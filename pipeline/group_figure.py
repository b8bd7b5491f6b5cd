"""BLEU over groups of test sentences as a figure, with the bands of its intervals: the paper's Figure 3."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures import WIDE, frame, legend, look, span
from pipeline.group import Group
from pipeline.schemas.scored import LengthGroup
from pipeline.svg import drawn, tell

LETTER = 4.6  # typographic points: the width of a digit in a label


@drawn
def lengths(systems: Mapping[str, Sequence[LengthGroup]], width: float = WIDE) -> Figure:
    """BLEU over sentences sorted by length (Sutskever et al. 2014, Figure 3, left).

    Args:
        systems: for each system its groups of sentences as in reports/length.json, the shortest sentences first.
        width: of the figure, in inches.
    """
    groups = {
        name: [
            Group(one.bin, one.shortest, one.longest, one.sentences, one.bleu, one.bleu_low, one.bleu_high)
            for one in rows
        ]
        for name, rows in systems.items()
    }
    return draw(groups, width, "tokens of the source sentence", "{} tokens")


@drawn
def ranks(systems: Mapping[str, Sequence[Group]], width: float = WIDE) -> Figure:
    """BLEU over sentences sorted by how rare their words are (Sutskever et al. 2014, Figure 3, right).

    Args:
        systems: for each system its groups of sentences as in reports/rarity.json, those of frequent words first.
        width: of the figure, in inches.
    """
    return draw(systems, width, "average frequency rank of the source words", "ranks {}")


def draw(systems: Mapping[str, Sequence[Group]], width: float, title: str, bounds: str) -> Figure:
    """Draws all systems; `title` says what sentences are sorted by, `bounds` how a group is called in words."""
    figure, axes = frame(width, list(systems))
    for number, (name, groups) in enumerate(systems.items()):
        draw_band(axes, name, groups, number)
    for name, groups in systems.items():  # above the bands of all systems
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
    """Draws one system: a line through its scores, over a light band from one end of their intervals to the other."""
    scores = np.array([(group.bleu_low, group.bleu, group.bleu_high) for group in groups]).reshape(-1, 3)
    bins = [group.bin for group in groups]
    axes.fill_between(bins, scores[:, 0], scores[:, 2], color=look(number)["color"], alpha=0.13, linewidth=0)
    if len(groups) == 1:  # a band of one group has no area
        axes.vlines(bins, scores[:, 0], scores[:, 2], color=look(number)["color"], linewidth=0.9)
    axes.plot(bins, scores[:, 1], label=name, **look(number))


def label_groups(axes: Axes, groups: Sequence[Group], width: float) -> None:
    """Labels groups with their bounds, as many as fit beside each other."""
    labels = [span(group.lowest, group.highest) for group in groups]
    room = 72 * (width - 0.65) / max(len(groups), 1)  # typographic points a group, as letters below
    step = max(1, math.ceil((LETTER * max(map(len, labels), default=0) + 2 * LETTER) / room))
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_xticks([group.bin for group in groups[::step]], labels[::step])
    axes.set_xlim(0.5, max(len(groups), 1) + 0.5)
    axes.grid(visible=False, axis="x")


def score_limits(groups: Sequence[Group]) -> tuple[float, float]:
    """Limits around all intervals, 20 points apart or more: a small difference shall look small."""
    low = min((group.bleu_low for group in groups), default=0.0)
    high = max((group.bleu_high for group in groups), default=100.0)
    top = min(10 * math.ceil((high + 2) / 10), 100)
    bottom = max(min(10 * math.floor((low - 2) / 10), top - 20), 0)
    return bottom, max(top, 20) + (top == 100)  # a marker at 100 is shown whole


def in_words(group: Group) -> str:
    """The score of a group of sentences."""
    score = f"BLEU {group.bleu:.2f}, 95 % interval {group.bleu_low:.2f} to {group.bleu_high:.2f}"
    return f"{score}, sentences: {group.sentences}"
