"""Figure of attention maps, with a row per target token and a column per source token (Bahdanau et al. 2015, Figure 3).

Shapes: T target tokens, S source tokens.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from pipeline.figures.axes import place, shorten
from pipeline.figures.svg import INK, SERIES, drawn, tell_row
from pipeline.schemas.reports.alignments import HeatMap, looked_at

CELL = 0.18  # inches, the side of a cell
LETTER = 0.075  # inches, the width of a letter in a label
LONGEST_LABEL = 16  # letters
GAP, TITLE = 0.2, 0.3  # inches
SQUARE = Path.unit_rectangle()
SHADES = 10  # of color; a share below half a shade is left blank


@drawn
def one(content: HeatMap, name: str) -> Figure:
    """Draw one attention map, with a tooltip for each row.

    Args:
        content: as in reports/alignments.json.
        name: of the run.
    """
    width, height = size(content)
    figure = Figure(figsize=(width, height))
    draw(figure, content, 0.0, 0.0, name)
    return figure


@drawn
def sheet(runs: Mapping[str, Sequence[HeatMap]]) -> Figure:
    """Draw the attention maps of all runs, a column per run.

    Args:
        runs: as in reports/alignments.json.
    """
    widths = [max((size(content)[0] for content in maps), default=2.0) + GAP for maps in runs.values()]
    heights = [sum(size(content)[1] + GAP for content in maps) + TITLE for maps in runs.values()]
    figure = Figure(figsize=(sum(widths) or 2.5, max(heights, default=0.5)))
    width, height = figure.get_size_inches()
    for number, (name, maps) in enumerate(runs.items()):
        left, bottom = sum(widths[:number]), height - TITLE
        figure.text((left + 0.1) / width, (bottom + 0.08) / height, name, fontsize=9.5)
        for content in maps:
            bottom -= size(content)[1] + GAP
            draw(figure, content, left, bottom, name)
    if not runs:
        figure.text(0.5, 0.5, "no run's models attend", ha="center", va="center")
    return figure


def size(content: HeatMap) -> tuple[float, float]:
    """Return width and height of an attention map with its labels, in inches."""
    left, top = room(content.target), room(content.source)
    return left + CELL * len(content.source) + 0.1, top + CELL * len(content.target) + 0.1


def room(tokens: Sequence[str]) -> float:
    """Return the room for labels beside or above the cells, in inches."""
    return 0.15 + LETTER * max((len(shorten(token, LONGEST_LABEL)) for token in tokens), default=0)


def draw(figure: Figure, content: HeatMap, left: float, bottom: float, name: str) -> None:
    """Draw an attention map at a position in a figure; `left` and `bottom` are inches."""
    T, S = len(content.target), len(content.source)
    axes = place(figure, left + room(content.target), bottom + 0.05, CELL * S, CELL * T)
    axes.set_xlim(0, S)
    axes.set_ylim(T, 0)
    axes.set_axis_off()
    shade(axes, content.attention)
    axes.add_patch(Rectangle((0, 0), S, T, fill=False, edgecolor=INK, linewidth=0.6, clip_on=False))
    for column, token in enumerate(content.source):
        label(axes, column + 0.5, -0.35, token, rotation=90, ha="center", va="bottom")
    for row, token in enumerate(content.target):
        label(axes, -0.35, row + 0.5, token, ha="right", va="center")
        tell_row(axes, row, row + 1, f"{name}, {token}: {in_words(content.source, content.attention[row])}")


def shade(axes: Axes, attention: Sequence[Sequence[float]]) -> None:
    """Fill the cells of attention shares [T, S]; a shade's cells are one path, which makes files 10 times smaller."""
    shades = np.rint(SHADES * np.array(attention)).astype(int)
    for number in range(1, SHADES + 1):
        rows, columns = np.nonzero(shades == number)
        squares = [Path(SQUARE.vertices + corner, SQUARE.codes) for corner in np.stack((columns, rows), axis=1)]
        if squares:
            cells = Path.make_compound_path(*squares)
            axes.add_patch(PathPatch(cells, facecolor=SERIES[0], alpha=number / SHADES, linewidth=0))


def label(axes: Axes, x: float, y: float, token: str, **place: Any) -> None:
    """Write a token beside the cells."""
    axes.text(x, y, shorten(token, LONGEST_LABEL), fontsize=7.5, **place)


def in_words(source: Sequence[str], shares: Sequence[float]) -> str:
    """Describe the source tokens with the largest shares of a target token's attention."""
    largest = [f"{source[position]} {100 * shares[position]:.0f} %" for position in looked_at(shares)]
    return ", ".join(largest) or "no token in particular"
