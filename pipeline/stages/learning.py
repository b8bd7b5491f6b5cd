"""Stage `learning`: draw the learning curves of all models."""

from pathlib import Path

from pipeline.figures.curves import learning_curves
from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data.trained import read_curve
from pipeline.tracking import run as tracking


def main(curves: Path, out: Path) -> None:
    """Draw the perplexity of each model by epoch.

    Args:
        curves: folder of learning curves, from the train stages.
        out: SVG file to be written, and with the suffix .png the same as PNG.
    """
    models = read().models
    with tracking.run() as tracked:
        learning_curves.write(out, {model: read_curve(curves / f"{model}.csv") for model in models})
        tracked.metrics({"models": len(models)})


if __name__ == "__main__":
    program.program(main)
