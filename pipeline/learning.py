"""Draws the learning curves of all models."""

from pathlib import Path

from pipeline import figures, stage, tracking
from pipeline.parameters import read
from pipeline.schemas.trained import read_curve


def main(curves: Path, out: Path) -> None:
    """Draw the perplexity of each model by epoch.

    Args:
        curves: folder of learning curves, from the train stages.
        out: SVG file to be written, and with the suffix .png the same as PNG.
    """
    models = read().models
    with tracking.run() as tracked:
        figures.curves.write(out, {model: read_curve(curves / f"{model}.csv") for model in models})
        tracked.metrics({"models": len(models)})


if __name__ == "__main__":
    stage.program(main)
