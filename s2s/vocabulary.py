"""Which tokens a model knows: word lists as in the paper, or subwords by SentencePiece."""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain, takewhile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sentencepiece
from numpy.typing import NDArray

from s2s.errors import UserError, check
from s2s.files import whole

PAD, UNK, EOS = 0, 1, 2
SPECIAL = ("<pad>", "<unk>", "</s>")
WHITE_SPACE = re.compile(r"\s")
Integers = NDArray[np.int32]


class Vocabulary(ABC):
    """A numbering of tokens. Numbers 0, 1 and 2 are <pad>, <unk> and </s>."""

    reads_tokens: bool  # encode takes Moses tokens joined by spaces, or else plain text
    suffix: str  # of the file, after "source." or "target."
    content: bytes  # of the file

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """All tokens in the order of their numbers, the special ones first."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of a sentence, without </s>."""

    @abstractmethod
    def encode_all(self, lines: pa.ChunkedArray) -> tuple[Integers, Integers]:
        """The ids of all sentences in a row, and how many each has: the same as `encode` gives, in less time."""

    @abstractmethod
    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens before the first </s>."""

    @abstractmethod
    def text(self, ids: Iterable[int]) -> str:
        """What `encode` would have read, as far as the first </s>."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of the vocabulary's file, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def save(self, folder: Path, side: str) -> None:
        """Writes the file that `load` reads."""
        with whole(folder / f"{side}.{self.suffix}") as path:
            path.write_bytes(self.content)


class WordVocabulary(Vocabulary):
    """The words of a list (Sutskever et al. 2014, section 3.1). All others are <unk>."""

    reads_tokens = True
    suffix = "words.txt"

    def __init__(self, words: Sequence[str]) -> None:
        """`words` are those that have the numbers 3, 4, ..."""
        assert not any(WHITE_SPACE.search(word) or not word for word in words), "a word holds no white space"
        self.words = (*SPECIAL, *words)
        # Text that holds the characters "</s>" is no end of a sentence: special tokens have no number to be found by.
        self.numbers = {word: number for number, word in enumerate(self.words) if word not in SPECIAL}
        self.content = "".join(f"{word}\n" for word in self.words).encode()

    def __len__(self) -> int:
        return len(self.words)

    def names(self) -> tuple[str, ...]:
        """All words in the order of their numbers, the special ones first."""
        return self.words

    def encode(self, text: str) -> list[int]:
        """The numbers of tokens that are joined by spaces."""
        return [self.numbers.get(token, UNK) for token in text.split()]

    @cached_property
    def known(self) -> pa.Array:
        """The words that are found in text, by number: none of the special tokens is."""
        return pa.array([word if word in self.numbers else None for word in self.words], pa.string())

    def encode_all(self, lines: pa.ChunkedArray) -> tuple[Integers, Integers]:
        """The numbers of tokens that are joined by single spaces."""
        sentences = pc.split_pattern(lines, " ")
        numbers = pc.index_in(pc.list_flatten(sentences), self.known).fill_null(UNK)
        return numbers.to_numpy(), pc.list_value_length(sentences).to_numpy()

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens before the first </s>."""
        return [self.words[number] for number in before_end(ids)]

    def text(self, ids: Iterable[int]) -> str:
        """The tokens before the first </s>, joined by spaces."""
        return " ".join(self.tokens(ids))


class SentencePieceVocabulary(Vocabulary):
    """Subwords that SentencePiece has learned; only characters that it never saw are <unk>."""

    reads_tokens = False
    suffix = "spm.model"

    def __init__(self, content: bytes) -> None:
        """`content` is SentencePiece's model. Raises RuntimeError if it is none."""
        self.content = content
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=content)
        pieces = tuple(self.processor.id_to_piece(number) for number in range(min(3, len(self))))
        if pieces != SPECIAL:
            raise RuntimeError(f"first pieces {' '.join(pieces)}")

    def __len__(self) -> int:
        return int(self.processor.get_piece_size())

    def names(self) -> tuple[str, ...]:
        """All subwords in the order of their numbers, the special ones first; a space is written as \u2581."""
        return tuple(self.processor.id_to_piece(list(range(len(self)))))

    def encode(self, text: str) -> list[int]:
        """The numbers of the most likely subwords of a plain sentence."""
        return list(self.processor.encode(text))

    def encode_all(self, lines: pa.ChunkedArray) -> tuple[Integers, Integers]:
        """The numbers of the most likely subwords of plain sentences."""
        sentences = self.processor.encode(lines.to_pylist(), num_threads=1)
        lengths = np.array([len(sentence) for sentence in sentences], np.int32)
        return np.fromiter(chain.from_iterable(sentences), np.int32, int(lengths.sum())), lengths

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens before the first </s>."""
        return [str(self.processor.id_to_piece(number)) for number in before_end(ids)]

    def text(self, ids: Iterable[int]) -> str:
        """The plain sentence before the first </s>."""
        return str(self.processor.decode(before_end(ids)))


def before_end(ids: Iterable[int]) -> list[int]:
    """The ids before the first </s>, as Python's own integers."""
    return [int(number) for number in takewhile(lambda number: number != EOS, ids)]


def file_of(folder: Path, side: str) -> Path:
    """The file in a folder that holds the vocabulary of one side, "source" or "target"."""
    names = [f"{side}.{kind.suffix}" for kind in (WordVocabulary, SentencePieceVocabulary)]
    found = [folder / name for name in names if (folder / name).is_file()]
    check(len(found) == 1, f"{folder}: found {len(found)} {side} vocabularies; expected one of {' and '.join(names)}")
    return found[0]


def load(folder: Path, side: str) -> Vocabulary:
    """Reads the vocabulary of one side, "source" or "target".

    Raises:
        UserError: it is absent or damaged.
    """
    path = file_of(folder, side)
    if path.name.endswith(WordVocabulary.suffix):
        return read_words(path)
    try:
        return SentencePieceVocabulary(path.read_bytes())
    except RuntimeError:
        raise UserError(f"{path}: found no SentencePiece model of ours; expected what the vocab stage writes") from None


def read_words(path: Path) -> WordVocabulary:
    """Reads a word list, one word a line, and refuses one whose numbers would not be those it was written with."""
    try:
        words = path.read_bytes().decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: found a byte that is not UTF-8 at {error.start}; expected one word a line") from None
    check(tuple(words[:3]) == SPECIAL, f"{path}: found first lines {words[:3]}; expected {' '.join(SPECIAL)}")
    check(words.pop() == "", f"{path}: found no line end after the last word; expected a whole file")
    seen: set[str] = set()
    for number, word in enumerate(words):
        check(word and not WHITE_SPACE.search(word), f"{path} line {number + 1}: found {word!r}; expected one word")
        check(word not in seen, f"{path} line {number + 1}: found {word!r} a second time; expected each word once")
        seen.add(word)
    return WordVocabulary(words[3:])
