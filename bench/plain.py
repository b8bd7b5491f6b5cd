"""Plain tokenised text to measure training on: drawn or read, written for a peer, encoded as the trainer reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from s2s import files
from s2s.corpus_writer import SplitWriter
from s2s.counts import count_words, word_vocabulary
from s2s.data import EncodedCorpus
from s2s.errors import check
from s2s.vocabulary import EOS, SPECIAL, WordVocabulary

WORDS, SPREAD, LONGEST = 25, 0.4, 80  # of the drawn sources: median, sigma of the logarithm, limit
GROWTH, NOISE = 1.1, 0.1  # target words a source word: mean, sigma

Side = tuple[NDArray[np.int32], NDArray[np.int32]]  # the ids of all sentences in a row, and how many each has


@dataclass(frozen=True)
class Text:
    """Sentences side by side, each of tokens joined by single spaces, none empty."""

    source: list[str]
    target: list[str]

    def write(self, source: Path, target: Path) -> None:
        """Writes both sides, a sentence a line."""
        for path, lines in ((source, self.source), (target, self.target)):
            files.write_text(path, "".join(f"{line}\n" for line in lines))


@dataclass(frozen=True)
class Prepared:
    """Text as the trainer reads it, and the words that it knows."""

    corpus: EncodedCorpus
    source: WordVocabulary
    target: WordVocabulary


def read(source: Path, target: Path) -> Text:
    """Reads two files of as many lines; pairs with an empty side are left out.

    Raises:
        UserError: a file is absent, or they do not belong together.
    """
    sides = []
    for path in (source, target):
        check(path.is_file(), f"{path}: no such file; expected tokenised text, a sentence a line")
        lines = path.read_bytes().decode("utf-8", "replace").removesuffix("\n").split("\n")
        sides.append([" ".join(line.split()) for line in lines])
    lengths = [len(lines) for lines in sides]
    check(lengths[0] == lengths[1], f"{target}: found {lengths[1]} lines; expected {lengths[0]}, as {source} has")
    kept = [pair for pair in zip(*sides, strict=True) if all(pair)]
    check(kept, f"{source}: found no pair of sentences; expected one at least")
    return Text([one for one, _ in kept], [other for _, other in kept])


def draw(pairs: int, vocabularies: Sequence[int], seed: int = 0) -> list[Side]:
    """Draws ids of sentences by Zipf's law, source and target correlated in length; none has </s>."""
    draws = np.random.default_rng(seed)
    lengths = np.clip(draws.lognormal(np.log(WORDS), SPREAD, pairs), 1, LONGEST).astype(np.int32)
    others = np.clip(lengths * draws.normal(GROWTH, NOISE, pairs), 1, LONGEST).astype(np.int32)
    sides = []
    for size, counts in zip(vocabularies, (lengths, others), strict=True):
        shares = 1 / np.arange(1, size - len(SPECIAL) + 1)
        ids = draws.choice(len(shares), int(counts.sum()), p=shares / shares.sum()) + len(SPECIAL)
        sides.append((ids.astype(np.int32), counts))
    return sides


def drawn_text(pairs: int, vocabularies: Sequence[int]) -> Text:
    """Drawn sentences as text; its words are named after their ids."""
    lines = []
    for letter, (ids, lengths) in zip("st", draw(pairs, vocabularies), strict=True):
        sentences = np.split(ids, np.cumsum(lengths)[:-1])
        lines.append([" ".join(f"{letter}{number}" for number in sentence.tolist()) for sentence in sentences])
    return Text(*lines)


def prepare(text: Text, vocabularies: Sequence[int], folder: Path) -> Prepared:
    """Encodes text with its most frequent words; `vocabularies` are the most entries of each side's list."""
    known, sides = [], []
    for lines, size in zip((text.source, text.target), vocabularies, strict=True):
        column = pa.chunked_array([pa.array(lines, pa.string())])
        known.append(word_vocabulary(count_words(column), size, 1))
        sides.append(known[-1].encode_all(column))
    return Prepared(write(folder, sides), *known)


def write(folder: Path, sides: Sequence[Side]) -> EncodedCorpus:
    """Writes encoded sentences as the encode stage does, each target with its </s>, and opens them."""
    source, (ids, lengths) = sides
    with SplitWriter(folder, "train") as writer:
        writer.add(*source, np.insert(ids, np.cumsum(lengths), EOS), lengths + 1)
    return EncodedCorpus.open(folder, "train")
