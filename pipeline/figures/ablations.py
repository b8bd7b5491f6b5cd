"""Figure of each system's differences from the base system, with a row per system and a panel per measure."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.figures.axes import WIDE, place, shorten
from pipeline.figures.svg import GRID, SERIES, drawn, tell
from pipeline.schemas.reports.ablations import Ablation, Ablations, Difference

ROW = 0.24  # inches
LETTER = 0.068  # inches, the width of a letter in a name
LONGEST = 26  # letters; longer names are cut
BELOW, BETWEEN = 0.5, 0.3  # inches, below a panel and between two panels


@drawn
def differences(found: Ablations, width: float = WIDE) -> Figure:
    """Draw the differences in perplexity and BLEU from the base with 95 % intervals, where they can be compared.

    Args:
        found: as in reports/ablations.json.
        width: of the figure, in inches; on a narrow figure the panels are below each other.
    """
    rows = found.systems[1:]
    panels = [panel for panel in PANELS if any(panel[2](ablation) for ablation in rows)]
    names = [shorten(ablation.system, LONGEST) for ablation in rows]
    left = 0.2 + LETTER * max(map(len, names), default=0)
    high, beside = ROW * max(len(rows), 1), width >= WIDE
    count = max(1, len(panels))
    across, down = (count, 1) if beside else (1, count)
    figure = Figure(figsize=(width, (high + BELOW + 0.1) * down))
    if not panels:
        words = f"no system compares with {found.base}" if rows else f"no system beside {found.base}"
        figure.text(0.5, 0.5, words, ha="center", va="center")
        return figure
    wide = (width - left - 0.15 - BETWEEN * (across - 1)) / across
    for number, (title, tells, of) in enumerate(panels):
        column, below = (number, 0) if beside else (0, down - 1 - number)
        corner = left + column * (wide + BETWEEN), BELOW + below * (high + BELOW)
        axes = place(figure, *corner, wide, high)
        draw(axes, rows, of, tells)
        label(axes, names if number == 0 or not beside else [""] * len(names), title)
    return figure


def draw(
    axes: Axes, rows: Sequence[Ablation], of: Callable[[Ablation], Difference | None], tells: Callable[[float], str]
) -> None:
    """Draw each difference as a dot on a line that spans its interval."""
    axes.axvline(0, color=GRID, linewidth=0.9)
    for row, ablation in enumerate(rows):
        if (gap := of(ablation)) is not None:
            axes.hlines(row, gap.low, gap.high, color=SERIES[0], linewidth=2.2, alpha=0.45)
            axes.plot(gap.value, row, "o", color=SERIES[0], markeredgewidth=0)
            words = f"{ablation.system}: {tells(gap.value)}, 95 % interval {tells(gap.low)} to {tells(gap.high)}"
            tell(axes, gap.value, row, words)


def label(axes: Axes, names: Sequence[str], title: str) -> None:
    """Label the rows with names, the first on top, and the x axis with a title."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.margins(x=0.12)
    axes.set_xlabel(title)


def change(ablation: Ablation) -> Difference | None:
    """Return the change of perplexity in percent, or None."""
    share = ablation.perplexities.change
    if share is None:
        return None
    return Difference(100 * share.value, 100 * share.low, 100 * share.high, share.p_value)


def gain(ablation: Ablation) -> Difference | None:
    """Return the difference in BLEU points, or None."""
    return ablation.bleu.difference if ablation.bleu else None


PANELS: tuple[tuple[str, Callable[[float], str], Callable[[Ablation], Difference | None]], ...] = (
    ("change of perplexity, %", lambda value: f"{value:+.1f} % of perplexity", change),
    ("difference in BLEU, tokenized", lambda value: f"{value:+.2f} BLEU", gain),
)
