"""Sentence embeddings in two dimensions as a figure: the paper's Figure 2."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.figures.axes import KEY_LINE, LABEL_DISTANCE, LABEL_ROOM, NARROW, PANEL, PANEL_STEP, look, place, shorten
from pipeline.figures.svg import drawn, tell
from pipeline.schemas.reports.embeddings import EmbeddedSentence, Panel


@drawn
def panel(content: Panel) -> Figure:
    """Draw one panel of the sentence embeddings, with points numbered by sentence."""
    figure = Figure(figsize=(NARROW, NARROW - 0.3))
    scatter(place(figure, 0.5, 0.45, NARROW - 0.6, NARROW - 0.85), content)
    return figure


@drawn
def embeddings(panels: Sequence[Panel]) -> Figure:
    """Draw all panels of sentence embeddings in the plane of their two main directions (the paper's Figure 2).

    Args:
        panels: as in reports/embeddings.json.
    """
    rows = [panels[start : start + 2] for start in range(0, len(panels), 2)]
    heights = [PANEL + 1.0 + KEY_LINE * max(len(content.sentences) for content in row) for row in rows]
    figure = Figure(figsize=(2 * PANEL_STEP + 0.2, sum(heights) if rows else 1.0))
    for row, content_row in enumerate(rows):
        bottom = sum(heights[row + 1 :]) + heights[row] - PANEL - 0.3
        for column, content in enumerate(content_row):
            axes = place(figure, 0.55 + column * PANEL_STEP, bottom, PANEL, PANEL)
            axes.set_title(content.panel, fontsize=9.5, loc="left")
            scatter(axes, content)
            write_key(figure, content.sentences, 0.55 + column * PANEL_STEP, bottom - 0.6)
    if not panels:
        figure.text(0.5, 0.5, "no probe sentences", ha="center", va="center")
    return figure


def scatter(axes: Axes, content: Panel) -> None:
    """Draw the points of one panel, with a color and a marker for each group."""
    sentences = content.sentences
    points = np.array([(sentence.x, sentence.y) for sentence in sentences], dtype=float).reshape(-1, 2)
    axes.set_aspect("equal", adjustable="datalim")  # distances are the same in both directions
    axes.margins(0.12)
    for point, number in zip(points, group_numbers(sentences), strict=True):
        axes.plot(*point, **look(number) | {"linestyle": "none"})
    for number, sentence in enumerate(sentences, 1):
        tell(axes, sentence.x, sentence.y, f"{number}, {sentence.group}: {sentence.sentence}")
    for number, (point, offset) in enumerate(zip(points, label_offsets(points), strict=True), 1):
        axes.annotate(
            str(number), (point[0], point[1]), offset, textcoords="offset points", ha="center", va="center", fontsize=8
        )
    first, second = content.explained_variance
    axes.set_xlabel(f"first direction, {100 * first:.0f} % of the variance")
    axes.set_ylabel(f"second direction, {100 * second:.0f} %")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def group_numbers(sentences: Sequence[EmbeddedSentence]) -> list[int]:
    """Return the group number of each sentence; groups are numbered from 0 in the order of their first sentences."""
    groups = list(dict.fromkeys(sentence.group for sentence in sentences))
    return [groups.index(sentence.group) for sentence in sentences]


def label_offsets(points: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Place the number of each point at the one of eight positions around it that has the most room.

    Args:
        points: coordinates of the data, [N, 2].

    Returns:
        The offset of each number from its point, in typographic points.
    """
    size = float(np.ptp(points, axis=0).max()) if len(points) else 0.0
    spots = points / (size or 1.0) * 72 * PANEL
    angles = np.arange(1, 9) * np.pi / 4
    around = LABEL_DISTANCE * np.stack((np.cos(angles), np.sin(angles)), axis=1)  # [8, 2]
    offsets: list[tuple[float, float]] = []
    taken = spots
    for number, spot in enumerate(spots):
        others = np.delete(taken, number, axis=0)
        gaps = np.linalg.norm((spot + around)[:, None] - others[None], axis=2).min(axis=1, initial=LABEL_ROOM)
        best = around[int(np.argmax(gaps.round(3)))]
        taken = np.vstack((taken, spot + best))
        offsets.append((float(best[0]), float(best[1])))
    return offsets


def write_key(figure: Figure, sentences: Sequence[EmbeddedSentence], left: float, top: float) -> None:
    """Write the numbered sentences below their panel, each in the color of its group; `left` and `top` are inches."""
    width, height = figure.get_size_inches()
    for number, (sentence, group) in enumerate(zip(sentences, group_numbers(sentences), strict=True)):
        y = (top - KEY_LINE * number) / height
        figure.text((left - 0.15) / width, y, f"{number + 1}", fontsize=7, ha="right")
        figure.text(
            (left - 0.05) / width,
            y,
            shorten(sentence.sentence),
            fontsize=7,
            color=look(group)["color"],
        )
