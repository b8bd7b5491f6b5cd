"""How each system differs from the base system, as a figure: a row a system, a panel for each measure."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.ablations_schema import Ablation, Ablations, Difference
from pipeline.figures import WIDE, place, shorten
from pipeline.svg import GRID, SERIES, drawn, tell

ROW = 0.24  # inches
LETTER = 0.068  # inches, of a name
LONGEST = 26  # letters; longer names are cut
BELOW, BETWEEN = 0.5, 0.3  # inches: under a panel, between two beside each other


@drawn
def differences(found: Ablations, width: float = WIDE) -> Figure:
    """Perplexity and BLEU of all systems against those of the base, with 95 % intervals, where they can be compared.

    Args:
        found: as in reports/ablations.json.
        width: of the figure, in inches; on a narrow one the panels stand below each other.
    """
    rows = found.systems[1:]
    panels = [panel for panel in PANELS if any(panel[2](one) for one in rows)]
    names = [shorten(one.system, LONGEST) for one in rows]
    left = 0.2 + LETTER * max(map(len, names), default=0)
    high, beside = ROW * max(len(rows), 1), width >= WIDE
    count = max(1, len(panels))
    across, down = (count, 1) if beside else (1, count)
    figure = Figure(figsize=(width, (high + BELOW + 0.1) * down))
    if not panels:
        words = f"no system compares with {found.base}" if rows else f"no system beside {found.base}"
        figure.text(0.5, 0.5, words, ha="center", va="center", parse_math=False)
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
    """A dot for each difference, on a line from one end of its interval to the other."""
    axes.axvline(0, color=GRID, linewidth=0.9)
    for place_, one in enumerate(rows):
        if (gap := of(one)) is not None:
            axes.hlines(place_, gap.low, gap.high, color=SERIES[0], linewidth=2.2, alpha=0.45)
            axes.plot(gap.value, place_, "o", color=SERIES[0], markeredgewidth=0)
            words = f"{one.system}: {tells(gap.value)}, 95 % interval {tells(gap.low)} to {tells(gap.high)}"
            tell(axes, gap.value, place_, words)


def label(axes: Axes, names: Sequence[str], title: str) -> None:
    """Names the rows, the first on top, and says what is measured."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.margins(x=0.12)
    axes.set_xlabel(title)


def change(one: Ablation) -> Difference | None:
    """Of perplexity, in percent."""
    found = one.perplexities.change
    if found is None:
        return None
    return Difference(100 * found.value, 100 * found.low, 100 * found.high, found.p_value)


def gain(one: Ablation) -> Difference | None:
    """Of BLEU, in points."""
    return one.bleu.difference if one.bleu else None


PANELS: tuple[tuple[str, Callable[[float], str], Callable[[Ablation], Difference | None]], ...] = (
    ("change of perplexity, %", lambda value: f"{value:+.1f} % of perplexity", change),
    ("difference in BLEU, tokenized", lambda value: f"{value:+.2f} BLEU", gain),
)
