"""From a matplotlib figure to SVG text, for a light and a dark page, and to PNG: equal numbers give equal bytes."""

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

from s2s import files

P = ParamSpec("P")

INK = "#72777f"  # text and axes: a contrast of 4.5 on white and 4.0 on a nearly black page
GRID = "#9ba0a8"
VALUE = "value:"  # how the name of a part begins that tells a value, in the text that matplotlib writes
REACH = 14.0  # typographic points across: how near a pointer must come to a point
ABOVE = 10.0  # everything else: what cannot be seen hides nothing, and it must be hit
SERIES = ("#3f7fd6", "#d9632a", "#259a77", "#a06bd6", "#cc4f86", "#8f8a25", "#2a97ad", "#a8715a")
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it can be selected, searched and read aloud
    "svg.hashsalt": "seq2seq",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that the layout is the same everywhere
    "font.size": 8.5,
    "text.color": INK,
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
NO_DATE = dict.fromkeys(("Date", "Creator", "Format", "Type"))
SVG: Any = {"format": "svg", "transparent": True, "metadata": NO_DATE}
PNG: Any = {"format": "png", "facecolor": "white", "dpi": 200, "metadata": {"Software": None}}


class Drawing(Generic[P]):
    """A function that draws a figure, as one that returns it as the text of an SVG file."""

    def __init__(self, draw: Callable[P, Figure]):
        self.draw = draw
        functools.update_wrapper(self, draw)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The figure as SVG."""
        return tidy(self._saved(SVG, *args, **kwargs).decode("utf-8"))

    def png(self, *args: P.args, **kwargs: P.kwargs) -> bytes:
        """The same figure as a PNG file, on white; of scripts that DejaVu Sans lacks it shows boxes."""
        return self._saved(PNG, *args, **kwargs)

    def write(self, path: Path, *args: P.args, **kwargs: P.kwargs) -> None:
        """Writes the SVG file, and beside it the PNG file of the same name."""
        files.write_text(path, self(*args, **kwargs))
        files.write_bytes(path.with_suffix(".png"), self.png(*args, **kwargs))

    def _saved(self, form: Mapping[str, Any], *args: P.args, **kwargs: P.kwargs) -> bytes:
        """The file that matplotlib makes of the figure."""
        with mpl.rc_context(STYLE), warnings.catch_warnings():
            # The reader's own fonts show what matplotlib's lack: other scripts, emoji.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            buffer = io.BytesIO()
            self.draw(*args, **kwargs).savefig(buffer, **form)
        return buffer.getvalue()


def drawn(draw: Callable[P, Figure]) -> Drawing[P]:
    """Makes of a function that draws a figure one that returns it as the text of an SVG file."""
    return Drawing(draw)


def tell(axes: Axes, x: float, y: float, words: str) -> None:
    """Says in words what stands at a point, to who points at it or comes to it by keyboard."""
    name = VALUE + quote(words)
    axes.plot(x, y, "o", markersize=REACH, markeredgewidth=0, alpha=0, zorder=ABOVE, clip_on=False, gid=name)


def tell_span(axes: Axes, left: float, right: float, words: str) -> None:
    """Says in words what stands between two places of the x axis."""
    axes.axvspan(left, right, linewidth=0, alpha=0, zorder=ABOVE, gid=VALUE + quote(words))


def tell_row(axes: Axes, top: float, bottom: float, words: str) -> None:
    """Says in words what stands between two places of the y axis."""
    axes.axhspan(top, bottom, linewidth=0, alpha=0, zorder=ABOVE, gid=VALUE + quote(words))


def tidy(svg: str) -> str:
    """Keeps what is drawn: two decimals, ids counted in their order, no metadata, no rules for elements around it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg stroke-linejoin="round" stroke-linecap="butt" ', 1)
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(rf'<g id="{VALUE}([^"]*)">', told, svg)
    return number_ids(re.sub(r"<[^>]+>", lambda tag: tidy_tag(tag[0]), svg))


def told(group: re.Match[str]) -> str:
    """The start of a part that tells a value, as programs that show SVG know it."""
    return f'<g class="value" pointer-events="all"><title>{escape(unquote(group[1]))}</title>'


def tidy_tag(tag: str) -> str:
    """One tag with rounded numbers, a reader's fonts and no line ends."""
    tag = re.sub(r"-?\d+\.\d+", lambda number: f"{round(float(number[0]), 2) + 0.0:g}", tag)
    tag = re.sub(r"font-family: [^;\"]*", f"font-family: {FONTS}", tag)
    return re.sub(r"\s*\n\s*", " ", tag)


def number_ids(svg: str) -> str:
    """Names the ids that are referred to i0, i1, ... and drops the others: matplotlib's depend on the last decimals."""
    linked = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    found = dict.fromkeys(name for name in re.findall(r' id="([^"]+)"', svg) if name in linked)
    names = {name: f"i{number}" for number, name in enumerate(found)}
    svg = re.sub(r' id="([^"]+)"', lambda one: f' id="{names[one[1]]}"' if one[1] in names else "", svg)
    return re.sub(r'(href="#|url\(#)([^")]+)', lambda one: one[1] + names[one[2]], svg)


def inline(svg: str, name: str, label: str) -> Markup:
    """A figure as part of a page, whose colors it takes on; `name` keeps its ids apart, `label` is read aloud."""
    svg = re.sub(r'(id="|href="#|url\(#)(i\d+)', rf"\g<1>{name}-\2", svg)
    size = re.compile(r' width="[^"]*" height="[^"]*"')
    svg = size.sub(lambda _: f' role="img" aria-label="{escape(label)}"', svg, count=1)
    names = {INK: "figure-ink", GRID: "figure-grid"} | {color: f"series-{i}" for i, color in enumerate(SERIES, 1)}
    return Markup(re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda found: variable(found[0], names), svg.rstrip("\n")))


def variable(color: str, names: Mapping[str, str]) -> str:
    """A color as the page's variable for its purpose."""
    return f"var(--{names[color]}, {color})" if color in names else color
