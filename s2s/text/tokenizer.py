"""Normalize, tokenize and detokenize lines of text, by the rules of Moses."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache

from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer

Rules = list[tuple[re.Pattern[str], str]]

LETTER, NUMBER = MosesTokenizer.IsAlpha, MosesTokenizer.IsN  # thousands of characters each, for use in []
JUNK = re.compile(r"[\x00-\x08\x0e-\x1b]")  # sacremoses deletes these
DOTS = re.compile(r"(\.\.+)")
# Commas within numbers stay: "5,300". So does a comma at the start of a line before a digit, as in Moses: ",5".
COMMA = re.compile(f",(?:(?![{NUMBER}])|(?<=[^{NUMBER}],))")
LAST_PERIOD = re.compile(r"\.(?<=[^ .]\.)(?![^ ])")  # at the end of a token that is not only periods
# The rules of sacremoses consume the characters beside an apostrophe and so miss a second one close by. The lookarounds
# below consume nothing and would differ, so such lines are left to sacremoses.
CLOSE_APOSTROPHES = re.compile("'.?'")
ENGLISH: Rules = [
    (re.compile(f"'(?:(?<=.')(?=[^{LETTER}])|(?<=[^{LETTER}{NUMBER}]')(?=[{LETTER}]))"), " ' "),
    (re.compile(f"'(?:(?<=[{LETTER}]')(?=[{LETTER}])|(?<=[{NUMBER}]')(?=s))"), " '"),  # the man 's, the 1980 's
]
FRENCH: Rules = [
    (re.compile(f"'(?:(?<=.')(?=[^{LETTER}])|(?<=[^{LETTER}]')(?=.))"), " ' "),
    (re.compile(f"'(?<=[{LETTER}]')(?=[{LETTER}])"), "' "),  # l' homme
]
OTHERS: Rules = [(re.compile("'"), " ' ")]
APOSTROPHES = {"en": ENGLISH, "fr": FRENCH, "it": FRENCH}


UNKNOWN = "<unk>"
STAND_IN = "\u2d30\u2d30"  # Tifinagh, which no rule of Moses names; two of them make no word


class Tokenizer:
    """A tokenizer with the results of `sacremoses.MosesTokenizer(language).tokenize(line, escape=False)`."""

    def __init__(self, language: str) -> None:
        self.moses = MosesTokenizer(language)
        self.special = re.compile(self.moses.PAD_NOT_ISALNUM[0])
        self.apostrophes = APOSTROPHES.get(language, OTHERS)
        self.letters = frozenset(self.moses.IsAlpha)
        self.small_letters = frozenset(self.moses.IsLower)
        self.numeric_prefixes = frozenset(self.moses.NUMERIC_ONLY_PREFIXES)  # "No." before a number
        self.prefixes = frozenset(self.moses.NONBREAKING_PREFIXES) - self.numeric_prefixes

    def tokenize(self, line: str) -> str:
        """Return the tokens of a line, joined by single spaces."""
        cut = self.cut(line)
        return " ".join(self.moses.tokenize(line, escape=False)) if cut is None else cut

    def cut(self, line: str) -> str | None:
        """Return the tokens, or None for rare lines whose special characters are too close for these rules."""
        if "  " in line or not line.isprintable():
            if JUNK.search(line):
                return None
            line = " ".join(line.split())
        line = " ".join(self.special.split(line.strip()))
        if ".." in line:
            line = " ".join(DOTS.split(line))
        if "," in line:
            if ",," in line:
                return None
            line = COMMA.sub(" , ", line)
        if "'" in line:
            if CLOSE_APOSTROPHES.search(line) or line.endswith(".'"):
                return None
            for rule, replacement in self.apostrophes:
                line = rule.sub(replacement, line)
        if "MULTI" in line:  # DOTDOTMULTI stands for two dots within sacremoses
            return None
        line = " ".join(line.split())
        return self.cut_periods(line) if "." in line else line

    def cut_periods(self, line: str) -> str:
        """Separate periods that end a token and belong to no abbreviation."""
        parts, done = [], 0
        for match in LAST_PERIOD.finditer(line):
            start = match.start()
            word = line[line.rfind(" ", 0, start) + 1 : start]
            if not self.is_abbreviation(word, line[start + 2 : start + 3] or " "):
                parts.append(line[done:start])
                done = start
        return " ".join([*parts, line[done:]])

    def is_abbreviation(self, word: str, following: str) -> bool:
        """Return True if a word keeps its period before the following character."""
        return (
            word in self.prefixes
            or following in self.small_letters
            or ("." in word and not self.letters.isdisjoint(word))
            or ("0" <= following <= "9" and word in self.numeric_prefixes)
        )


class PunctuationNormalizer:
    """A normalizer with the results of `sacremoses.MosesPunctNormalizer(language).normalize(line)`.

    Each of the fifty rules needs a certain substring. Looking for it takes 30 ns, applying the rule's regular
    expression a hundred times as long.
    """

    def __init__(self, language: str) -> None:
        self.rules = list(guarded(MosesPunctNormalizer(language).substitutions))
        self.ascii_rules = [rule for rule in self.rules if rule[0].isascii()]

    def normalize(self, line: str) -> str:
        """Return a line with uniform quotes, dashes and spaces around punctuation."""
        for needed, replacement, pattern in self.ascii_rules if line.isascii() else self.rules:
            if needed in line:
                line = pattern.sub(replacement, line) if pattern else line.replace(needed, replacement)
        return line.strip()


# Patterns of sacremoses' punctuation rules consist of characters, escaped characters, and groups of alternatives.
GROUP = re.compile(r"(?<!\\)\([^)]*\)")
ESCAPED_OR_GROUP = re.compile(r"\\(.)|" + GROUP.pattern)
# Later rules turn all such quotes into apostrophes, not only those between letters.
REDUNDANT = ("([a-zA-Z])‘([a-zA-Z])", "([a-zA-Z])’([a-zA-Z])")


def guarded(rules: list[tuple[str, str]]) -> Iterator[tuple[str, str, re.Pattern[str] | None]]:
    """Yield the substring that each rule needs, its replacement, and its pattern (None if equal to the substring)."""
    for pattern, replacement in rules:
        if pattern == " +":
            yield "  ", replacement, re.compile(pattern)
        elif pattern not in REDUNDANT:
            needed = ESCAPED_OR_GROUP.sub(lambda match: match[1] or "", pattern.replace(r"\r", "\r"))
            yield needed, replacement, re.compile(pattern) if GROUP.search(pattern) else None


# Soft hyphen, zero-width space, word joiner and byte order mark are invisible and removed. Control characters become
# spaces, and the narrow no-break space becomes the no-break space that the punctuation rules know. All else stays:
# zero-width (non-)joiners and direction marks belong to the spelling or layout of some scripts, and nothing is known of
# private and unassigned characters.
ODD = (
    dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
    | dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
    | {0x202F: "\u00a0"}
)
# Moses writes numbers with a separator for the no-break space, so the narrow one becomes a common space there.
NARROW_IN_NUMBER = re.compile(r"(?<=\d)\u202f(?=\d)")
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
    line = repaired(line)
    if punctuation:
        line = punctuation_normalizer(language).normalize(line)
    line = " ".join(line.split())
    return line.lower() if lowercase else line


def repaired(line: str) -> str:
    """Return a line in Unicode NFC without control characters and invisible ones."""
    if not line.isprintable() and HAS_ODD(line):
        line = NARROW_IN_NUMBER.sub(" ", line).translate(ODD)
    return unicodedata.normalize("NFC", line)


def have_same_words(line: str, other: str) -> bool:
    """Return True if two lines differ only in white space and in what `repaired` repairs."""
    return repaired(line).split() == repaired(other).split()


def repairs(line: str) -> tuple[str, ...]:
    """Return the kinds of defects of a raw line that normalize() repairs, in the order of REPAIRS."""
    if line.isprintable() and unicodedata.is_normalized("NFC", line):
        return ()
    return tuple(kind for kind, is_defective in REPAIRS.items() if is_defective(line))


def tokenize(line: str, language: str) -> str:
    """Tokenize a line as Moses' tokenizer.perl does; tokens are joined by single spaces and not escaped.

    The symbol <unk> of a model's output stays whole, as in `detokenize` and `from_tokens`.
    """
    return with_unknown(tokenizer(language).tokenize, line)


def detokenize(tokens: str, language: str) -> str:
    """Join tokens to a plain sentence as Moses' detokenizer.perl does."""
    return with_unknown(lambda line: str(detokenizer(language).detokenize(line.split(), unescape=False)), tokens)


def retokenize(tokens: str, language: str, change: Callable[[str], str]) -> str:
    """Return what `change` makes of the plain text of some tokens, or the same tokens if it changes none of them.

    So tokens of ours stay as they are, odd ones too, such as two periods.
    """
    if all(change(token) == token for token in tokens.split()):
        return tokens
    return change(detokenize(tokens, language))


def from_tokens(line: str, language: str) -> str:
    """Return the plain text of a line that Moses tokenized and escaped (&amp; &#124; &apos; &#91; and others)."""
    return with_unknown(lambda line: str(detokenizer(language).detokenize(line.split(), unescape=True)), line)


def with_unknown(change: Callable[[str], str], line: str) -> str:
    """Change a line in which each <unk> is treated like an ordinary word."""
    if UNKNOWN not in line:
        return change(line)
    return change(line.replace(UNKNOWN, STAND_IN)).replace(STAND_IN, UNKNOWN)


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
