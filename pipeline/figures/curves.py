"""Learning curves as a figure."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from pipeline.figures.axes import WIDE, frame, legend, look
from pipeline.figures.svg import drawn, tell


@drawn
def learning_curves(models: Mapping[str, Mapping[str, Sequence[float]]], width: float = WIDE) -> Figure:
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
