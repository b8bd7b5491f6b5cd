"""Stage `sentence_lengths`: draw a histogram of sentence lengths in the tokens of a vocabulary."""

from pathlib import Path

from pipeline.figures import histogram
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.reports.text import Encoding
from pipeline.tracking import run as tracking


def main(encoding: Path, out: Path) -> None:
    """Draw a histogram of the lengths of training sentences.

    Args:
        encoding: JSON file of an encode stage.
        out: SVG file to be written, and with the suffix .png the same as PNG.
    """
    counts = records.read(Encoding, encoding)
    with tracking.run() as tracked:
        train = counts.lengths["train"]
        sides = histogram.typical(counts.splits["train"], train)
        histogram.sentences.write(out, histogram.grouped(train), sides)
        tracked.metrics({f"mean.{side}": typical.mean for side, typical in sides.items()})


if __name__ == "__main__":
    program.program(main)
