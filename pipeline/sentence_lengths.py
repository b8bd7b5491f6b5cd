"""Draws how long the sentences are in the tokens of a vocabulary."""

from pathlib import Path

from pipeline import histogram, stage, tracking
from pipeline.schemas import records
from pipeline.schemas.measured_text import Encoding


def main(encoding: Path, out: Path) -> None:
    """Draws how many training sentences have how many tokens.

    Args:
        encoding: JSON file of an encode stage.
        out: SVG file to be written, and with the suffix .png the same as PNG.
    """
    counted = records.read(Encoding, encoding)
    with tracking.run() as tracked:
        train = counted.lengths["train"]
        sides = histogram.typical(counted.splits["train"], train)
        histogram.sentences.write(out, histogram.grouped(train), sides)
        tracked.metrics({f"mean.{side}": one.mean for side, one in sides.items()})


if __name__ == "__main__":
    stage.program(main)
