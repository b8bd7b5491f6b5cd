"""Stage `difficulty`: measure the difficulty of the clean text, to compare corpora."""

from pathlib import Path

from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import SIDES, shards, stream_columns, text_column
from pipeline.tracking import run as tracking
from s2s.corpus.difficulty import HeldOut, measure
from s2s.text import tokenizer


def main(clean: Path, out: Path) -> None:
    """Write measures of the training text and of the overlap of test and training text.

    Args:
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
    """
    language = read().download.target_language
    tokens = [text_column(side, tokens=True) for side in SIDES]
    with tracking.run() as run:
        [test] = shards(clean, "test")
        tested = [row for rows in stream_columns(test, [*tokens, "reference"]) for row in rows]
        measured = measure(
            (pair for path in shards(clean, "train") for rows in stream_columns(path, tokens) for pair in rows),
            HeldOut(
                pairs=[(source, target) for source, target, _ in tested],
                references=[reference for *_, reference in tested],
                detokenize=lambda line: tokenizer.detokenize(line, language),
            ),
        )
        records.write(out, measured)
        run.metrics({name: value for name, value in measured.items() if isinstance(value, float)})


if __name__ == "__main__":
    program.program(main)
