"""Layout that the report's figures share: sizes, axes, legends and labels."""

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.svg import INK, SERIES, inline

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
