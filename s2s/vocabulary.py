"""Which tokens a model knows: word lists as in the paper, or subwords by SentencePiece."""

import hashlib
import io
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Literal

import sentencepiece

from s2s.errors import UserError, check
from s2s.files import whole

PAD, UNK, EOS = 0, 1, 2
SPECIAL = ("<pad>", "<unk>", "</s>")
WHITE_SPACE = re.compile(r"\s")
SAMPLE = 2_000_000  # SentencePiece learns from so many lines at most: it holds them all in memory


class Vocabulary(ABC):
    """A numbering of tokens. Numbers 0, 1 and 2 are <pad>, <unk> and </s>."""

    reads_tokens: bool  # encode takes Moses tokens joined by spaces, or else plain text
    suffix: str  # of the file, after "source." or "target."
    content: bytes  # of the file

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of a sentence, without </s>."""

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

    def encode(self, text: str) -> list[int]:
        """The numbers of tokens that are joined by spaces."""
        return [self.numbers.get(token, UNK) for token in text.split()]

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

    def encode(self, text: str) -> list[int]:
        """The numbers of the most likely subwords of a plain sentence."""
        return list(self.processor.encode(text))

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens before the first </s>."""
        return [str(self.processor.id_to_piece(number)) for number in before_end(ids)]

    def text(self, ids: Iterable[int]) -> str:
        """The plain sentence before the first </s>."""
        return str(self.processor.decode(before_end(ids)))


def before_end(ids: Iterable[int]) -> list[int]:
    """The ids before the first </s>, as Python's own integers."""
    return [int(number) for number in takewhile(lambda number: number != EOS, ids)]


def word_vocabulary(counts: Mapping[str, int], size: int, min_count: int) -> WordVocabulary:
    """Keeps the most frequent words; among equals, those first by code point.

    Args:
        counts: how often each word occurs in the training text.
        size: so many entries at most, <pad>, <unk> and </s> included.
        min_count: rarer words are left out.
    """
    frequent = [word for word, count in counts.items() if count >= min_count and word not in SPECIAL]
    frequent.sort(key=lambda word: (-counts[word], word))
    return WordVocabulary(frequent[: size - len(SPECIAL)])


def train_sentencepiece(
    lines: Iterable[str], kind: Literal["unigram", "bpe"], size: int, seed: int = 1
) -> SentencePieceVocabulary:
    """Learns subwords from normalized lines; the same lines give the same bytes.

    Args:
        lines: the training text.
        kind: SentencePiece's unigram or bpe model.
        size: so many entries at most, <pad>, <unk> and </s> included; a small text gives fewer.
        seed: draws the sample of lines if there are more than `SAMPLE`.

    Raises:
        UserError: the text is empty, or has more different characters than `size`.
    """
    content = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sample(lines, SAMPLE, seed)),
            model_writer=content,
            model_type=kind,
            vocab_size=size,
            hard_vocab_limit=False,  # as many as the text gives
            pad_id=PAD,
            unk_id=UNK,
            eos_id=EOS,
            bos_id=-1,
            unk_surface=SPECIAL[UNK],
            normalization_rule_name="identity",  # lines are normalized already, and must come back as they were
            character_coverage=1.0,  # a letter that occurs can be said
            shuffle_input_sentence=False,  # its own shuffling heeds no seed
            num_threads=1,  # more change the order of float sums, and so the model
            minloglevel=3,
        )
    except RuntimeError as error:
        raise UserError(f"SentencePiece {kind}: {explain(str(error), size)}") from None
    return SentencePieceVocabulary(content.getvalue())


def sample(lines: Iterable[str], size: int, seed: int) -> list[str]:
    """Draws so many lines at most, each with the same chance (reservoir sampling)."""
    draw = random.Random(seed)
    kept: list[str] = []
    for number, line in enumerate(lines):
        if number < size:
            kept.append(line)
        elif (place := int(draw.random() * (number + 1))) < size:
            kept[place] = line
    return kept


def explain(message: str, size: int) -> str:
    """Says in our words what SentencePiece complains of."""
    if found := re.search(r"required_chars\. \d+ vs (\d+)", message):
        return f"found size {size}; expected at least {found[1]}, one entry for each character of the text"
    if "sentences_.empty()" in message or "all_chars_count" in message:
        return "found no text to learn from; expected lines"
    return " ".join(message.split())


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
