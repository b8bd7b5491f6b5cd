"""Plain text in and out: how a line is normalized, cut into Moses tokens, and put together again."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from sacremoses import MosesDetokenizer

from s2s.moses import PunctuationNormalizer, Tokenizer

# Soft hyphen, zero-width space, word joiner and byte order mark are invisible remains of typesetting: removed. All
# other control characters are white space, and the narrow no-break space is the one that the punctuation rules know.
ODD = (
    dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
    | dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
    | {0x202F: "\u00a0"}
)
# None of them is printable. str.isprintable takes 2 ns a character, this 10 ns, str.translate 50 ns.
HAS_ODD = re.compile(f"[{''.join(map(chr, ODD))}]").search
# The kinds of defects that normalize() repairs in a raw line, and what finds them. No defects: a tab, which is a space,
# and a carriage return at the end, which is how some systems end a line.
REPAIRS: dict[str, Callable[[str], object]] = {
    "separators": re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]|\r(?!\Z)").search,  # str.splitlines cuts here
    "invisible": re.compile(r"[\u00ad\u200b\u2060\ufeff]").search,  # removed
    "control": re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]").search,  # all others of their kind
    "not_nfc": lambda line: not unicodedata.is_normalized("NFC", line),
}


def normalize(line: str, language: str, punctuation: bool, lowercase: bool = False) -> str:
    """Brings a line to one form: Unicode NFC, no control characters, single spaces, none at the ends.

    Args:
        line: any text, without its line end.
        language: ISO 639-1 code.
        punctuation: apply Moses' normalize-punctuation: one form of each quote, dash and space.
        lowercase: make all letters small.
    """
    if not line.isprintable() and HAS_ODD(line):
        line = line.translate(ODD)
    line = unicodedata.normalize("NFC", line)
    if punctuation:
        line = punctuation_normalizer(language).normalize(line)
    line = " ".join(line.split())
    return line.lower() if lowercase else line


def repairs(line: str) -> tuple[str, ...]:
    """The kinds of defects of a raw line that normalize() repairs, in the order of REPAIRS."""
    if line.isprintable() and unicodedata.is_normalized("NFC", line):
        return ()
    return tuple(kind for kind, found in REPAIRS.items() if found(line))


def tokenize(line: str, language: str) -> str:
    """Cuts a line by the rules of Moses' tokenizer.perl: tokens joined by one space, nothing escaped."""
    return tokenizer(language).tokenize(line)


def detokenize(tokens: str, language: str) -> str:
    """Puts tokens together to a sentence by the rules of Moses' detokenizer.perl."""
    sentence: str = detokenizer(language).detokenize(tokens.split(), unescape=False)
    return sentence


def from_tokens(line: str, language: str) -> str:
    """Plain text of a line that comes tokenized by Moses, with its escapes: &amp; &#124; &apos; &#91; and others."""
    sentence: str = detokenizer(language).detokenize(line.split(), unescape=True)
    return sentence


@cache
def punctuation_normalizer(language: str) -> PunctuationNormalizer:
    """The rules of one language."""
    return PunctuationNormalizer(language)


@cache
def tokenizer(language: str) -> Tokenizer:
    """The tokenizer of one language; one that Moses does not know is cut as English without its apostrophes."""
    return Tokenizer(language)


@cache
def detokenizer(language: str) -> MosesDetokenizer:
    """The detokenizer of one language."""
    return MosesDetokenizer(language)
