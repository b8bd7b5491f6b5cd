"""Moses' rules of punctuation and of tokens, run only where they can change a line: sacremoses' results, sooner."""

import re
from collections.abc import Iterator

from sacremoses import MosesPunctNormalizer, MosesTokenizer

Rules = list[tuple[re.Pattern[str], str]]

LETTER, NUMBER = MosesTokenizer.IsAlpha, MosesTokenizer.IsN  # thousands of characters each, for use within []
JUNK = re.compile(r"[\x00-\x08\x0e-\x1b]")  # sacremoses deletes these
DOTS = re.compile(r"(\.\.+)")
# A comma within a number stays there: "5,300". The first of a line has nothing before it: Moses leaves ",5" whole.
COMMA = re.compile(f",(?:(?![{NUMBER}])|(?<=[^{NUMBER}],))")
LAST_PERIOD = re.compile(r"\.(?<=[^ .]\.)(?![^ ])")  # of a token, but of those that are periods alone
# A rule of sacremoses takes the characters on both sides of an apostrophe and does not see another one that stands so
# close. The rules below look without taking, so they leave such lines to sacremoses.
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


class Tokenizer:
    """The tokens of `sacremoses.MosesTokenizer(language).tokenize(line, escape=False)`, for every line."""

    def __init__(self, language: str) -> None:
        self.moses = MosesTokenizer(language)
        self.special = re.compile(self.moses.PAD_NOT_ISALNUM[0])
        self.apostrophes = APOSTROPHES.get(language, OTHERS)
        self.letters = frozenset(self.moses.IsAlpha)
        self.small_letters = frozenset(self.moses.IsLower)
        self.numeric_prefixes = frozenset(self.moses.NUMERIC_ONLY_PREFIXES)  # "No." before a number
        self.prefixes = frozenset(self.moses.NONBREAKING_PREFIXES) - self.numeric_prefixes

    def tokenize(self, line: str) -> str:
        """Cuts a line into tokens, joined by one space."""
        cut = self.cut(line)
        return " ".join(self.moses.tokenize(line, escape=False)) if cut is None else cut

    def cut(self, line: str) -> str | None:
        """The tokens, or None where characters that the rules name stand so close that only sacremoses itself tells."""
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
        """Sets the periods apart that end a token and are not part of an abbreviation."""
        parts, done = [], 0
        for found in LAST_PERIOD.finditer(line):
            place = found.start()
            word = line[line.rfind(" ", 0, place) + 1 : place]
            if not self.is_abbreviation(word, line[place + 2 : place + 3] or " "):
                parts.append(line[done:place])
                done = place
        return " ".join([*parts, line[done:]])

    def is_abbreviation(self, word: str, following: str) -> bool:
        """Whether a word keeps its period before the character that follows."""
        return (
            word in self.prefixes
            or following in self.small_letters
            or ("." in word and not self.letters.isdisjoint(word))
            or ("0" <= following <= "9" and word in self.numeric_prefixes)
        )


class PunctuationNormalizer:
    """The text of `sacremoses.MosesPunctNormalizer(language).normalize(line)`, for every line.

    Each of the fifty rules needs some piece of text to change anything. To look for that takes 30 ns, to apply a
    regular expression to a line a hundred times as long.
    """

    def __init__(self, language: str) -> None:
        self.rules = list(guarded(MosesPunctNormalizer(language).substitutions))
        self.ascii_rules = [rule for rule in self.rules if rule[0].isascii()]

    def normalize(self, line: str) -> str:
        """Gives quotes, dashes and the spaces about them one form."""
        for needed, replacement, pattern in self.ascii_rules if line.isascii() else self.rules:
            if needed in line:
                line = pattern.sub(replacement, line) if pattern else line.replace(needed, replacement)
        return line.strip()


# How sacremoses writes a rule of punctuation: characters, escaped characters, and groups that stand for one of several.
GROUP = re.compile(r"(?<!\\)\([^)]*\)")
ESCAPED_OR_GROUP = re.compile(r"\\(.)|" + GROUP.pattern)
# The rules after these make apostrophes of all such quotes, not only of those between letters.
REDUNDANT = ("([a-zA-Z])‘([a-zA-Z])", "([a-zA-Z])’([a-zA-Z])")


def guarded(rules: list[tuple[str, str]]) -> Iterator[tuple[str, str, re.Pattern[str] | None]]:
    """Yields the text that each rule needs, its replacement, and its pattern unless the needed text is the pattern."""
    for pattern, replacement in rules:
        if pattern == " +":
            yield "  ", replacement, re.compile(pattern)
        elif pattern not in REDUNDANT:
            needed = ESCAPED_OR_GROUP.sub(lambda found: found[1] or "", pattern.replace(r"\r", "\r"))
            yield needed, replacement, re.compile(pattern) if GROUP.search(pattern) else None
