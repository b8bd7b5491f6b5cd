"""Plain text in and out: how a line is normalized, cut into Moses tokens, and put together again."""

import re
import unicodedata
from functools import cache

from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer

# Soft hyphen, zero-width space, word joiner and byte order mark are invisible remains of typesetting: removed. All
# other control characters are white space, and the narrow no-break space is the one that the punctuation rules know.
ODD = (
    dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
    | dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
    | {0x202F: "\u00a0"}
)
# What one of Moses' sixty rules of punctuation could change. Most lines hold none of it, and skip them: five times
# faster, same result.
PUNCTUATION = re.compile("[()%:;\"`\u00a0«»´„“”‘‚’–—…]|''")


def normalize(line: str, language: str, punctuation: bool, lowercase: bool = False) -> str:
    """Brings a line to one form: Unicode NFC, no control characters, single spaces, none at the ends.

    Args:
        line: any text, without its line end.
        language: ISO 639-1 code.
        punctuation: apply Moses' normalize-punctuation: one form of each quote, dash and space.
        lowercase: make all letters small.
    """
    line = unicodedata.normalize("NFC", line.translate(ODD))
    if punctuation and PUNCTUATION.search(line):
        line = punctuation_rules(language).normalize(line)
    line = " ".join(line.split())
    return line.lower() if lowercase else line


def tokenize(line: str, language: str) -> str:
    """Cuts a normalized line by the rules of Moses' tokenizer.perl: tokens joined by one space, nothing escaped."""
    return " ".join(tokenizer(language).tokenize(line, escape=False))


def detokenize(tokens: str, language: str) -> str:
    """Puts tokens together to a sentence by the rules of Moses' detokenizer.perl."""
    sentence: str = detokenizer(language).detokenize(tokens.split(), unescape=False)
    return sentence


class FastMosesTokenizer(MosesTokenizer):  # type: ignore[misc]  # sacremoses has no types
    """sacremoses' tokenizer, which builds a set of 100,000 letters for every abbreviation, with the sets built once."""

    LETTERS = frozenset(MosesTokenizer.IsAlpha)
    SMALL_LETTERS = frozenset(MosesTokenizer.IsLower)

    def islower(self, text: str) -> bool:
        """Whether all characters are small letters."""
        return self.SMALL_LETTERS.issuperset(text)

    def isanyalpha(self, text: str) -> bool:
        """Whether one of the characters is a letter."""
        return not self.LETTERS.isdisjoint(text)


@cache
def punctuation_rules(language: str) -> MosesPunctNormalizer:
    """The rules of one language."""
    return MosesPunctNormalizer(language)


@cache
def tokenizer(language: str) -> FastMosesTokenizer:
    """The tokenizer of one language; one that Moses does not know is cut as English without its apostrophes."""
    return FastMosesTokenizer(language)


@cache
def detokenizer(language: str) -> MosesDetokenizer:
    """The detokenizer of one language."""
    return MosesDetokenizer(language)
