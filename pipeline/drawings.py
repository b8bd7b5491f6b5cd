"""Draws the figures whose numbers other stages have: the learning curves, and how long sentences are."""

from pathlib import Path

from pipeline import figures, histogram, stage, tracking
from pipeline.parameters import read
from pipeline.schemas import records
from pipeline.schemas.measured_text import Encoding
from pipeline.schemas.trained import read_curve


def main(curves: Path, encoding: Path, learning: Path, lengths: Path) -> None:
    """Draws each figure as an SVG file, and with the suffix .png as PNG.

    Args:
        curves: folder of learning curves, from the train stages.
        encoding: JSON file of the encode stage.
        learning: SVG file to be written: the perplexity of each model by epoch.
        lengths: SVG file to be written: how many training sentences have how many tokens.
    """
    models = read().models
    counted = records.read(Encoding, encoding)
    with tracking.run() as tracked:
        figures.curves.write(learning, {model: read_curve(curves / f"{model}.csv") for model in models})
        train = counted.lengths["train"]
        sides = histogram.typical(counted.splits["train"], train)
        histogram.sentences.write(lengths, histogram.grouped(train), sides)
        tracked.metrics({"models": len(models)})


if __name__ == "__main__":
    stage.program(main)
