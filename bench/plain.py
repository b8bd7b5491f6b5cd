"""Tokenized text to measure training with: random or read from files, and encoded for the trainer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from s2s import files
from s2s.data.corpus import EncodedCorpus, SplitWriter
from s2s.errors import check
from s2s.text.frequencies import count_words, word_vocabulary
from s2s.text.vocabulary import EOS, SPECIAL, WordVocabulary

WORDS, SPREAD, LONGEST = 25, 0.4, 80  # words of a random source: median, sigma of the logarithm, limit
GROWTH, NOISE = 1.1, 0.1  # target words for each source word: mean, sigma

Side = tuple[NDArray[np.int32], NDArray[np.int32]]  # ids of all sentences concatenated, and tokens of each sentence


@dataclass(frozen=True)
class Text:
    """Sentence pairs.

    No sentence is empty, and single spaces separate tokens.
    """

    source: list[str]
    target: list[str]

    def write(self, source: Path, target: Path) -> None:
        """Write both sides, one sentence a line."""
        for path, lines in ((source, self.source), (target, self.target)):
            files.write_text(path, "".join(f"{line}\n" for line in lines))


@dataclass(frozen=True)
class Prepared:
    """Encoded text with its vocabularies."""

    corpus: EncodedCorpus
    source: WordVocabulary
    target: WordVocabulary


def read_or_draw(source: Path | None, target: Path | None, pairs: int, vocabularies: Sequence[int]) -> Text:
    """Read two files, or draw `pairs` random pairs if none are given.

    Raises:
        UserError: only one file is given, or the files do not fit.
    """
    check((source is None) == (target is None), "--source and --target: found one of them; expected both or none")
    return read(source, target) if source and target else drawn_text(pairs, vocabularies)


def read(source: Path, target: Path) -> Text:
    """Read two files with the same number of lines, and leave out pairs with an empty side.

    Raises:
        UserError: a file is missing, the numbers of lines differ, or no pair is left.
    """
    sides = []
    for path in (source, target):
        check(path.is_file(), f"{path}: no such file; expected tokenized text, one sentence a line")
        lines = path.read_bytes().decode("utf-8", "replace").removesuffix("\n").split("\n")
        sides.append([" ".join(line.split()) for line in lines])
    lengths = [len(lines) for lines in sides]
    check(lengths[0] == lengths[1], f"{target}: found {lengths[1]} lines; expected {lengths[0]}, as {source} has")
    kept = [pair for pair in zip(*sides, strict=True) if all(pair)]
    check(kept, f"{source}: found no pair of sentences; expected one at least")
    return Text([source for source, _ in kept], [target for _, target in kept])


def draw(pairs: int, vocabularies: Sequence[int], seed: int = 0) -> list[Side]:
    """Draw ids of sentences by Zipf's law, without </s>.

    Lengths of source and target are correlated.
    """
    draws = np.random.default_rng(seed)
    source_lengths = np.clip(draws.lognormal(np.log(WORDS), SPREAD, pairs), 1, LONGEST).astype(np.int32)
    target_lengths = np.clip(source_lengths * draws.normal(GROWTH, NOISE, pairs), 1, LONGEST).astype(np.int32)
    sides = []
    for size, counts in zip(vocabularies, (source_lengths, target_lengths), strict=True):
        shares = 1 / np.arange(1, size - len(SPECIAL) + 1)
        ids = draws.choice(len(shares), int(counts.sum()), p=shares / shares.sum()) + len(SPECIAL)
        sides.append((ids.astype(np.int32), counts))
    return sides


def drawn_text(pairs: int, vocabularies: Sequence[int]) -> Text:
    """Draw sentences as text, with words such as `s17` named after ids."""
    lines = []
    for letter, (ids, lengths) in zip("st", draw(pairs, vocabularies), strict=True):
        sentences = np.split(ids, np.cumsum(lengths)[:-1])
        lines.append([" ".join(f"{letter}{number}" for number in sentence.tolist()) for sentence in sentences])
    return Text(*lines)


def prepare(text: Text, vocabularies: Sequence[int], folder: Path) -> Prepared:
    """Encode text with its most frequent words.

    `vocabularies` are the largest sizes of each side's vocabulary.
    """
    learned, sides = [], []
    for lines, size in zip((text.source, text.target), vocabularies, strict=True):
        column = pa.chunked_array([pa.array(lines, pa.string())])
        learned.append(word_vocabulary(count_words(column), size, 1))
        sides.append(learned[-1].encode_all(column))
    return Prepared(write(folder, sides), *learned)


def write(folder: Path, sides: Sequence[Side]) -> EncodedCorpus:
    """Write encoded sentences like the encode stage, add </s> to each target, and open the corpus."""
    source, (ids, lengths) = sides
    with SplitWriter(folder, "train") as writer:
        writer.add(*source, np.insert(ids, np.cumsum(lengths), EOS), lengths + 1)
    return EncodedCorpus.open(folder, "train")
