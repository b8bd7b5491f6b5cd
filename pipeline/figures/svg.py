"""Convert matplotlib figures to SVG for light and dark pages, and to PNG; equal numbers give equal bytes."""

import functools
import io
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, ParamSpec
from urllib.parse import quote, unquote

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.text import legible
from s2s import files

P = ParamSpec("P")

INK = "#72777f"  # text and axes, with a contrast of 4.5 on white and 4.0 on a nearly black page
GRID = "#9ba0a8"
VALUE = "value:"  # prefix of the id of an element with a tooltip, in the SVG that matplotlib writes
REACH = 14.0  # typographic points, the diameter of the area in which a point reacts to the pointer
ABOVE = 10.0  # z-order of these areas: above all else, so that the pointer hits them; they are invisible
SERIES = ("#3f7fd6", "#d9632a", "#259a77", "#a06bd6", "#cc4f86", "#8f8a25", "#2a97ad", "#a8715a")
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text, which can be selected, searched and read aloud
    "svg.hashsalt": "seq2seq",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that the layout is the same everywhere
    "font.size": 8.5,
    "text.color": INK,
    "text.parse_math": False,  # a $ in a name or a sentence is a dollar
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "legend.frameon": False,
}
TAG = re.compile(r"<[^>]+>")  # matplotlib escapes these signs in text and attributes
NO_DATE = dict.fromkeys(("Date", "Creator", "Format", "Type"))
SVG: Any = {"format": "svg", "transparent": True, "metadata": NO_DATE}
PNG: Any = {"format": "png", "facecolor": "white", "dpi": 200, "metadata": {"Software": None}}


class Drawing(Generic[P]):
    """A function that draws a figure, wrapped so that it returns the figure as SVG."""

    def __init__(self, draw: Callable[P, Figure]):
        self.draw = draw
        functools.update_wrapper(self, draw)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Draw the figure and return it as SVG."""
        return tidy(self._saved(SVG, *args, **kwargs).decode("utf-8"))

    def png(self, *args: P.args, **kwargs: P.kwargs) -> bytes:
        """Draw the figure and return it as PNG on white; scripts that DejaVu Sans lacks show as boxes."""
        return self._saved(PNG, *args, **kwargs)

    def write(self, path: Path, *args: P.args, **kwargs: P.kwargs) -> None:
        """Write the SVG file, and next to it the PNG file of the same name."""
        files.write_text(path, self(*args, **kwargs))
        files.write_bytes(path.with_suffix(".png"), self.png(*args, **kwargs))

    def _saved(self, form: Mapping[str, Any], *args: P.args, **kwargs: P.kwargs) -> bytes:
        """Draw the figure and return the file that matplotlib writes."""
        with mpl.rc_context(STYLE), warnings.catch_warnings():
            # Characters that matplotlib's font lacks, such as emoji, are shown by the reader's fonts.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            buffer = io.BytesIO()
            self.draw(*args, **kwargs).savefig(buffer, **form)
        return buffer.getvalue()


def drawn(draw: Callable[P, Figure]) -> Drawing[P]:
    """Decorate a function that draws a figure, so that it returns the figure as SVG."""
    return Drawing(draw)


def tell(axes: Axes, x: float, y: float, words: str) -> None:
    """Add a tooltip at a point, for the pointer and for the keyboard."""
    name = VALUE + quote(words)
    axes.plot(x, y, "o", markersize=REACH, markeredgewidth=0, alpha=0, zorder=ABOVE, clip_on=False, gid=name)


def tell_span(axes: Axes, left: float, right: float, words: str) -> None:
    """Add a tooltip between two positions of the x axis."""
    axes.axvspan(left, right, linewidth=0, alpha=0, zorder=ABOVE, gid=VALUE + quote(words))


def tell_row(axes: Axes, top: float, bottom: float, words: str) -> None:
    """Add a tooltip between two positions of the y axis."""
    axes.axhspan(top, bottom, linewidth=0, alpha=0, zorder=ABOVE, gid=VALUE + quote(words))


def tidy(svg: str) -> str:
    """Reduce an SVG to what is drawn, with two decimals and numbered ids, without metadata and global style sheets."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg stroke-linejoin="round" stroke-linecap="butt" ', 1)
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(rf'<g id="{VALUE}([^"]*)">', told, svg)
    return number_ids(TAG.sub(lambda tag: tidy_tag(tag[0]), legible(svg)))


def told(group: re.Match[str]) -> str:
    """Return the start tag of an element with a tooltip, with the SVG title that viewers show."""
    return f'<g class="value" pointer-events="all"><title>{escape(unquote(group[1]))}</title>'


def tidy_tag(tag: str) -> str:
    """Return a tag with rounded numbers, the reader's system fonts and no line breaks."""
    tag = re.sub(r"-?\d+\.\d+", lambda number: f"{round(float(number[0]), 2) + 0.0:g}", tag)
    tag = re.sub(r"font-family: [^;\"]*", f"font-family: {FONTS}", tag)
    return re.sub(r"\s*\n\s*", " ", tag)


def number_ids(svg: str) -> str:
    """Rename referenced ids to i0, i1, ... and drop the others, since matplotlib's ids depend on the last decimals."""
    tags = "".join(TAG.findall(svg))  # text may look like an id
    linked = set(re.findall(r'(?:href="#|url\(#)([^")]+)', tags))
    in_order = dict.fromkeys(name for name in re.findall(r' id="([^"]+)"', tags) if name in linked)
    names = {name: f"i{number}" for number, name in enumerate(in_order)}

    def renamed(match: re.Match[str]) -> str:
        tag = re.sub(r' id="([^"]+)"', lambda id: f' id="{names[id[1]]}"' if id[1] in names else "", match[0])
        return re.sub(r'(href="#|url\(#)([^")]+)', lambda link: link[1] + names[link[2]], tag)

    return TAG.sub(renamed, svg)


def inline(svg: str, name: str, label: str) -> Markup:
    """Return a figure for embedding in a page, with the page's colors.

    Args:
        svg: as a `Drawing` returns it.
        name: prefix that makes the figure's ids unique in the page.
        label: description for screen readers.
    """
    names = {INK: "figure-ink", GRID: "figure-grid"} | {color: f"series-{i}" for i, color in enumerate(SERIES, 1)}

    def placed(match: re.Match[str]) -> str:
        tag = re.sub(r'(id="|href="#|url\(#)(i\d+)', rf"\g<1>{name}-\2", match[0])
        return re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda color: variable(color[0], names), tag)

    size = re.compile(r' width="[^"]*" height="[^"]*"')
    svg = TAG.sub(placed, svg.rstrip("\n"))
    return Markup(size.sub(lambda _: f' role="img" aria-label="{escape(legible(label))}"', svg, count=1))


def variable(color: str, names: Mapping[str, str]) -> str:
    """Return a color as a CSS variable of the page, with the color as its default."""
    return f"var(--{names[color]}, {color})" if color in names else color
