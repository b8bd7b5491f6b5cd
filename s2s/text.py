"""Normalize, tokenize and detokenize lines of text, by the rules of Moses."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from sacremoses import MosesDetokenizer

from s2s.moses import PunctuationNormalizer, Tokenizer

# Soft hyphen, zero-width space, word joiner and byte order mark are invisible and removed. All other control characters
# become spaces, and the narrow no-break space becomes the no-break space that the punctuation rules know.
ODD = (
    dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
    | dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
    | {0x202F: "\u00a0"}
)
# All of them are unprintable. str.isprintable takes 2 ns a character, this 10 ns, str.translate 50 ns.
HAS_ODD = re.compile(f"[{''.join(map(chr, ODD))}]").search
# Kinds of defects that normalize() repairs in a raw line, each with a test. Tabs, and a carriage return at the end of a
# line, are no defects.
REPAIRS: dict[str, Callable[[str], object]] = {
    "separators": re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]|\r(?!\Z)").search,  # str.splitlines cuts here
    "invisible": re.compile(r"[\u00ad\u200b\u2060\ufeff]").search,  # removed by normalize()
    "control": re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]").search,  # other control characters
    "not_nfc": lambda line: not unicodedata.is_normalized("NFC", line),
}


def normalize(line: str, language: str, punctuation: bool, lowercase: bool = False) -> str:
    """Normalize a line: Unicode NFC, no control characters, single spaces, no spaces at the ends.

    Args:
        line: any text, without its line end.
        language: ISO 639-1 code.
        punctuation: True to apply Moses' normalize-punctuation: uniform quotes, dashes and spaces.
        lowercase: True to make all letters lower case.
    """
    if not line.isprintable() and HAS_ODD(line):
        line = line.translate(ODD)
    line = unicodedata.normalize("NFC", line)
    if punctuation:
        line = punctuation_normalizer(language).normalize(line)
    line = " ".join(line.split())
    return line.lower() if lowercase else line


def repairs(line: str) -> tuple[str, ...]:
    """Return the kinds of defects of a raw line that normalize() repairs, in the order of REPAIRS."""
    if line.isprintable() and unicodedata.is_normalized("NFC", line):
        return ()
    return tuple(kind for kind, is_defective in REPAIRS.items() if is_defective(line))


def tokenize(line: str, language: str) -> str:
    """Tokenize a line as Moses' tokenizer.perl does; tokens are joined by single spaces and not escaped."""
    return tokenizer(language).tokenize(line)


def detokenize(tokens: str, language: str) -> str:
    """Join tokens to a plain sentence as Moses' detokenizer.perl does."""
    sentence: str = detokenizer(language).detokenize(tokens.split(), unescape=False)
    return sentence


def from_tokens(line: str, language: str) -> str:
    """Return the plain text of a line that Moses tokenized and escaped (&amp; &#124; &apos; &#91; and others)."""
    sentence: str = detokenizer(language).detokenize(line.split(), unescape=True)
    return sentence


@cache
def punctuation_normalizer(language: str) -> PunctuationNormalizer:
    """Return the punctuation normalizer of a language."""
    return PunctuationNormalizer(language)


@cache
def tokenizer(language: str) -> Tokenizer:
    """Return the tokenizer of a language; a language unknown to Moses has English rules without apostrophes."""
    return Tokenizer(language)


@cache
def detokenizer(language: str) -> MosesDetokenizer:
    """Return the detokenizer of a language."""
    return MosesDetokenizer(language)
