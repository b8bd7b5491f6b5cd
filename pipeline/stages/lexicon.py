"""Stage `lexicon`: learn a lexicon from word-aligned training text; it replaces <unk> in translations."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data.pairs import SIDES, open_pairs, read_table, shards, text_column
from pipeline.tracking import run as tracking
from s2s.lexicon.lexicon import learn, number_words
from s2s.lexicon.word_alignment import AlignmentSettings
from s2s.progress import Meter
from s2s.text.subwords import draw_lines
from s2s.text.vocabulary import UNK, Vocabulary, load

SEED = 1  # of the sample of pairs that are aligned


def main(clean: Path, vocab: Path, out: Path) -> None:
    """Write the lexicon that replaces <unk> in translations; it is empty if `lexicon.pairs` is 0.

    Args:
        clean: folder of clean text, from the clean stage.
        vocab: folder of vocabularies, from the vocab stage.
        out: Parquet file to be written.
    """
    settings = read().lexicon
    vocabulary = load(vocab, "target")
    files = shards(clean, "train")
    rows = draw_lines([open_pairs(path).metadata.num_rows for path in files], settings.pairs, SEED)
    with tracking.run() as run, Meter("lexicon", settings.iterations) as meter:
        source, target = (number_words(tokens(files, rows, side)) for side in SIDES)
        lexicon = learn(
            source,
            target,
            in_vocabulary(target.words, vocabulary),
            AlignmentSettings(settings.iterations),
            vocabulary.sha256,
            lambda iteration: meter.update(iteration, f"iteration {iteration} of {settings.iterations}"),
        )
        lexicon.save(out)
        pairs, words = len(source.sentences.lengths), len(lexicon.translations)
        translated = sum(word is not None for word, _ in lexicon.translations.values())
        run.metrics({"pairs": pairs, "words": words, "translated": translated, "tension": lexicon.tension})
        print(f"lexicon: {pairs} pairs, {translated} of {words} source words have an unknown translation", flush=True)


def tokens(files: list[Path], rows: list[NDArray[np.int64]], side: str) -> Iterator[pa.ChunkedArray]:
    """Yield the sampled sentences of one side as Moses tokens, one file at a time."""
    column = text_column(side, tokens=True)
    for path, drawn in zip(files, rows, strict=True):
        yield read_table(path, [column]).column(column).take(pa.array(drawn))


def in_vocabulary(words: pa.Array, vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Return whether a vocabulary can produce each word; subwords lack words with a character that they never saw."""
    ids, lengths = vocabulary.encode_all(pa.chunked_array([words]))
    missing = np.bincount(np.repeat(np.arange(len(words)), lengths), ids == UNK, len(words))
    is_covered: NDArray[np.bool_] = missing == 0
    return is_covered


if __name__ == "__main__":
    program.program(main)
