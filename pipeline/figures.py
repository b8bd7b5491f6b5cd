"""Layout that the report's figures share, and the figures of learning curves and of sentence embeddings."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from pipeline.schemas.embedded import EmbeddedSentence, Panel
from pipeline.svg import INK, SERIES, drawn, inline, tell

WIDE, NARROW = 6.4, 3.6  # inches, for a screen, and for a phone or one of several panels
HEIGHT = 2.85  # inches, without the legend
LEGEND_LINE = 0.19  # inches
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p")
LABEL_DISTANCE = 9.0  # points, from a marker to its number
LABEL_ROOM = 13.0  # points; a number with this much room needs no more
KEY_LINE = 0.15  # inches
PANEL, PANEL_STEP = 2.7, 3.4  # inches, the side of a panel and the distance to the next


def both(draw: Callable[[float], str], name: str, label: str) -> dict[str, Markup]:
    """Draw a figure in the widths of a screen and of a phone, for a page that shows the one that fits."""
    forms = {"wide": WIDE, "narrow": NARROW}
    return {form: inline(draw(width), f"{name}-{form}", label) for form, width in forms.items()}


def span(first: float, last: float) -> str:
    """Format a range of lengths or ranks, such as "3–7"."""
    low, high = (f"{value:,.0f}" for value in (first, last))
    return low if low == high else f"{low}–{high}"


@drawn
def curves(models: Mapping[str, Mapping[str, Sequence[float]]], width: float = WIDE) -> Figure:
    """Draw perplexity by epoch on a logarithmic scale: a line for development text, dots for the training batches.

    Args:
        models: for each model the columns epoch, train_perplexity and dev_perplexity of its learning curve.
        width: of the figure, in inches.
    """
    figure, axes = frame(width, list(models))
    for number, (model, curve) in enumerate(models.items()):
        color = look(number)["color"]
        axes.plot(curve["epoch"], curve["train_perplexity"], linestyle=":", linewidth=1.2, color=color)
        axes.plot(curve["epoch"], curve["dev_perplexity"], label=model, **look(number))
        tell_epochs(axes, model, curve)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("epoch")
    axes.set_ylabel("perplexity, logarithmic")
    legend(axes, width, list(models))
    return figure


def tell_epochs(axes: Axes, model: str, curve: Mapping[str, Sequence[float]]) -> None:
    """Add the perplexities of each epoch as a tooltip."""
    columns = (curve[name] for name in ("epoch", "train_perplexity", "dev_perplexity"))
    for epoch, train, dev in zip(*columns, strict=True):
        if math.isfinite(dev):
            training = f", in training {train:.2f}" if math.isfinite(train) else ""
            tell(axes, epoch, dev, f"{model}, epoch {epoch:g}: perplexity {dev:.2f}{training}")


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
            axes.set_title(content.panel, fontsize=9.5, loc="left", parse_math=False)
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
            parse_math=False,
        )


def shorten(sentence: str, most: int = 58) -> str:
    """Cut a text to a number of characters, with an ellipsis at its end."""
    return sentence if len(sentence) <= most else sentence[: most - 1].rstrip() + "…"


def frame(width: float, names: Sequence[str]) -> tuple[Figure, Axes]:
    """Return an empty figure with room for labels to the left and below, and for a legend of some names above."""
    top = 0.35 + LEGEND_LINE * (-(-len(names) // legend_columns(width, names)) - 1)
    figure = Figure(figsize=(width, HEIGHT + top))
    return figure, place(figure, 0.55, 0.5, width - 0.65, HEIGHT - 0.5)


def place(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Return axes at a position in inches; a layout that does not depend on fonts is the same on every machine."""
    all_width, all_height = figure.get_size_inches()
    return figure.add_axes((left / all_width, bottom / all_height, width / all_width, height / all_height))


def look(number: int) -> dict[str, Any]:
    """Return color, marker and line style of the nth series; after eight series, lines are dashed."""
    turn = number // len(SERIES)
    return {
        "color": SERIES[number % len(SERIES)],
        "marker": MARKERS[number % len(MARKERS)],
        "markeredgewidth": 0,
        "linestyle": ("-", "--", "-.")[turn % 3],
    }


def legend_columns(width: float, names: Sequence[str]) -> int:
    """Return the number of legend columns that fit into a width; a letter is about 0.08 inches wide."""
    return max(1, min(4, int((width - 0.65) / (0.6 + 0.08 * max(map(len, names), default=0)))))


def legend(axes: Axes, width: float, names: Sequence[str]) -> None:
    """Write the names of the series above the axes."""
    if names:
        columns = legend_columns(width, names)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=columns, borderaxespad=0.2, labelcolor=INK)
