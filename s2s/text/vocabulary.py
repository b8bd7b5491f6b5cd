"""Vocabularies: word lists as in the paper, or SentencePiece subwords."""

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
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
"""Characters that command a terminal; normalized text has none."""
Integers = NDArray[np.int32]


class Vocabulary(ABC):
    """A numbering of tokens; numbers 0, 1 and 2 are <pad>, <unk> and </s>."""

    reads_tokens: bool  # True: `encode` takes Moses tokens joined by spaces; False: plain text
    suffix: str  # of the file name, after "source." or "target."
    content: bytes  # of the file

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return all tokens in the order of their numbers, the special ones first."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the token ids of a sentence, without </s>."""

    @abstractmethod
    def encode_all(self, lines: pa.ChunkedArray) -> tuple[Integers, Integers]:
        """Return the token ids of all sentences in a row, and their lengths; equal to `encode`, but faster."""

    @abstractmethod
    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens before the first </s>."""

    @abstractmethod
    def text(self, ids: Iterable[int]) -> str:
        """Return the text before the first </s>, in the form that `encode` takes."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of the vocabulary's file, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def save(self, folder: Path, side: str) -> None:
        """Write the file that `load` reads."""
        with whole(folder / f"{side}.{self.suffix}") as path:
            path.write_bytes(self.content)


class WordVocabulary(Vocabulary):
    """A list of words; all other words are <unk> (Sutskever et al. 2014, section 3.1)."""

    reads_tokens = True
    suffix = "words.txt"

    def __init__(self, words: Sequence[str]) -> None:
        """Assign the numbers from 3 to the given words."""
        assert not any(WHITE_SPACE.search(word) or not word for word in words), "a word holds no white space"
        self.words = (*SPECIAL, *words)
        # Special tokens are left out, so that the characters "</s>" in a text do not end the sentence.
        self.numbers = {word: number for number, word in enumerate(self.words) if word not in SPECIAL}
        self.content = "".join(f"{word}\n" for word in self.words).encode()

    def __len__(self) -> int:
        return len(self.words)

    def names(self) -> tuple[str, ...]:
        """Return all words in the order of their numbers, the special ones first."""
        return self.words

    def encode(self, text: str) -> list[int]:
        """Return the numbers of tokens joined by spaces."""
        return [self.numbers.get(token, UNK) for token in text.split()]

    @cached_property
    def known(self) -> pa.Array:
        """All words by number, with null for the special tokens, which text never matches."""
        return pa.array([word if word in self.numbers else None for word in self.words], pa.string())

    def encode_all(self, lines: pa.ChunkedArray) -> tuple[Integers, Integers]:
        """Return the numbers of tokens joined by single spaces, and the lengths of the lines."""
        sentences = pc.split_pattern(lines, " ")
        numbers = pc.index_in(pc.list_flatten(sentences), self.known).fill_null(UNK)
        return numbers.to_numpy(), pc.list_value_length(sentences).to_numpy()

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens before the first </s>."""
        return [self.words[number] for number in before_end(ids)]

    def text(self, ids: Iterable[int]) -> str:
        """Return the tokens before the first </s>, joined by spaces."""
        return " ".join(self.tokens(ids))


class SentencePieceVocabulary(Vocabulary):
    """Subwords of a SentencePiece model; only characters that its training text lacks are <unk>."""

    reads_tokens = False
    suffix = "spm.model"

    def __init__(self, content: bytes) -> None:
        """Load a SentencePiece model from its bytes.

        Raises:
            RuntimeError: `content` is no such model.
        """
        self.content = content
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=content)
        pieces = tuple(self.processor.id_to_piece(number) for number in range(min(3, len(self))))
        if pieces != SPECIAL:
            raise RuntimeError(f"first pieces {' '.join(pieces)}")
        if any(map(self.processor.is_byte, range(len(self)))) or CONTROL.search("".join(self.names())):
            raise RuntimeError("subwords of single bytes or of control characters, which text would print")

    def __len__(self) -> int:
        return int(self.processor.get_piece_size())

    def names(self) -> tuple[str, ...]:
        """Return all subwords in the order of their numbers, the special ones first; a space is written as \u2581."""
        return tuple(self.processor.id_to_piece(list(range(len(self)))))

    def encode(self, text: str) -> list[int]:
        """Return the numbers of the most probable subwords of a plain sentence, in which <unk> is itself."""
        if SPECIAL[UNK] not in text:
            return list(self.processor.encode(text))
        pieces = self.processor.encode(text.replace(SPECIAL[UNK], self.foreign), out_type=str)
        # SentencePiece makes one <unk> of several unknown characters in a row.
        repeats = [max(1, piece.count(self.foreign)) for piece in pieces]
        return [
            number
            for number, count in zip(map(self.processor.piece_to_id, pieces), repeats, strict=True)
            for _ in range(count)
        ]

    @cached_property
    def foreign(self) -> str:
        """A character that is in no subword."""
        private = map(chr, range(0xE000, 0xF900))
        return next(character for character in private if self.processor.piece_to_id(character) == UNK)

    def encode_all(self, lines: pa.ChunkedArray) -> tuple[Integers, Integers]:
        """Return the numbers of the most probable subwords of plain sentences, and their lengths."""
        texts = lines.to_pylist()
        sentences = self.processor.encode(texts, num_threads=1)
        for row, text in enumerate(texts):
            if SPECIAL[UNK] in text:
                sentences[row] = self.encode(text)
        lengths = np.array([len(sentence) for sentence in sentences], np.int32)
        return np.fromiter(chain.from_iterable(sentences), np.int32, int(lengths.sum())), lengths

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens before the first </s>."""
        return [str(self.processor.id_to_piece(number)) for number in before_end(ids)]

    def text(self, ids: Iterable[int]) -> str:
        """Return the plain sentence before the first </s>."""
        return str(self.processor.decode(before_end(ids)))


def before_end(ids: Iterable[int]) -> list[int]:
    """Return the ids before the first </s> as Python integers."""
    return [int(number) for number in takewhile(lambda number: number != EOS, ids)]


def file_of(folder: Path, side: str) -> Path:
    """Return the vocabulary file of one side, "source" or "target", in a folder."""
    names = [f"{side}.{kind.suffix}" for kind in (WordVocabulary, SentencePieceVocabulary)]
    paths = [folder / name for name in names if (folder / name).is_file()]
    check(len(paths) == 1, f"{folder}: found {len(paths)} {side} vocabularies; expected one of {' and '.join(names)}")
    return paths[0]


def load(folder: Path, side: str) -> Vocabulary:
    """Load the vocabulary of one side, "source" or "target", from a folder.

    Raises:
        UserError: the file is absent or damaged.
    """
    path = file_of(folder, side)
    if path.name.endswith(WordVocabulary.suffix):
        return read_words(path)
    try:
        return SentencePieceVocabulary(path.read_bytes())
    except RuntimeError:
        raise UserError(f"{path}: found no SentencePiece model of ours; expected what the vocab stage writes") from None


def read_words(path: Path) -> WordVocabulary:
    """Read a word list, one word a line.

    Raises:
        UserError: the file is damaged, so that words would have other numbers than when it was written.
    """
    try:
        words = path.read_bytes().decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: found a byte that is not UTF-8 at {error.start}; expected one word a line") from None
    check(tuple(words[:3]) == SPECIAL, f"{path}: found first lines {words[:3]}; expected {' '.join(SPECIAL)}")
    check(words.pop() == "", f"{path}: found no line end after the last word; expected a whole file")
    seen: set[str] = set()
    for number, word in enumerate(words):
        is_word = word and not WHITE_SPACE.search(word) and not CONTROL.search(word)
        check(is_word, f"{path} line {number + 1}: found {word!r}; expected one word")
        check(word not in seen, f"{path} line {number + 1}: found {word!r} a second time; expected each word once")
        seen.add(word)
    return WordVocabulary(words[3:])
