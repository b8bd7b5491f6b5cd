"""N-best lists in Moses' format: several candidate translations of each sentence, with their features and score.

A line is `id ||| hypothesis ||| name= value value name= value ||| score`. Sentences are numbered from 0; the hypothesis
is in Moses tokens with special characters escaped, so it never holds the separator.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from s2s.errors import check
from s2s.files import naming, whole

SEPARATOR = "|||"
# Those of tokenizer.perl; the ampersand is the first to be escaped and the last to be restored.
ESCAPES = {
    "&": "&amp;",
    "|": "&#124;",
    "<": "&lt;",
    ">": "&gt;",
    "'": "&apos;",
    '"': "&quot;",
    "[": "&#91;",
    "]": "&#93;",
}
Features = dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Candidate:
    """A translation that a system holds possible."""

    tokens: str  # of Moses, joined by single spaces, nothing escaped
    score: float  # by which the system ranks; higher is better
    features: Features = field(default_factory=dict)


def read(lines: Iterable[str], place: str, sentences: int) -> Iterator[list[Candidate]]:
    """Yields the candidates of each sentence, one list in memory at a time.

    Args:
        lines: of the file, with or without line ends. One of three fields has no features.
        place: names the file in errors.
        sentences: how many the source has; each must have a candidate.

    Raises:
        UserError: one line with place, found and expected.
    """
    expected = 0
    for number, group in groupby(parse_all(lines, place, sentences), key=lambda entry: entry[0]):
        yield [candidate for _, candidate in group]
        expected = number + 1
    check(expected == sentences, f"{place}: found {expected} sentences; expected {sentences}, as many as the source")


def parse_all(lines: Iterable[str], place: str, sentences: int) -> Iterator[tuple[int, Candidate]]:
    """Yields the number of the sentence and the candidate of each line; numbers rise from 0 by one."""
    before = -1
    for count, line in enumerate(lines, start=1):
        here = f"{place} line {count}"
        number, candidate = parse(line, here)
        wanted = f"{before} or {before + 1}" if before >= 0 else "0"
        check(number in (max(0, before), before + 1), f"{here}: found sentence {number}; expected {wanted}")
        check(number < sentences, f"{here}: found sentence {number}; expected {sentences} sentences, as the source has")
        before = number
        yield number, candidate


def parse(line: str, place: str) -> tuple[int, Candidate]:
    """Reads one line: the number of the sentence, and the candidate."""
    fields = [part.strip() for part in line.split(SEPARATOR)]
    check(
        len(fields) in (3, 4),
        f"{place}: found {len(fields)} fields; expected id ||| hypothesis ||| features ||| score, or without features",
    )
    check(fields[0].isdecimal(), f"{place}: found id {fields[0]!r}; expected the number of a sentence, from 0")
    tokens, score = unescape(" ".join(fields[1].split())), finite(fields[-1], place, "score")
    return int(fields[0]), Candidate(tokens, score, parse_features(fields[2], place) if len(fields) == 4 else {})


def parse_features(text: str, place: str) -> Features:
    """Reads `name= value value`; old lists of Moses have a colon after the name."""
    found: dict[str, list[float]] = {}
    name = ""
    for word in text.split():
        if word[-1] in "=:":
            name = word[:-1]
            check(name and name not in found, f"{place}: found feature {name!r} twice or nameless; expected it once")
            found[name] = []
        else:
            check(name, f"{place}: found {word!r} before any feature; expected name= and its values")
            found[name].append(finite(word, place, f"feature {name}"))
    return {name: tuple(values) for name, values in found.items()}


def finite(word: str, place: str, what: str) -> float:
    """Reads a number."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    check(math.isfinite(value), f"{place}: found {what} {word!r}; expected a finite number")
    return value


def format_line(number: int, candidate: Candidate) -> str:
    """The line of one candidate of a sentence, without line end; numbers are as exact as they are."""
    features = " ".join(f"{name}= {' '.join(map(repr, values))}" for name, values in candidate.features.items())
    return f" {SEPARATOR} ".join((str(number), escape(candidate.tokens), features, repr(candidate.score)))


def write(path: Path, lists: Iterable[Sequence[Candidate]], first: int = 0) -> None:
    """Writes the candidates of sentences from number `first` on; each list is drawn when the one before is written."""
    with whole(path) as beside, naming(path), beside.open("w", encoding="utf-8", newline="\n") as file:
        for number, candidates in enumerate(lists, first):
            file.writelines(f"{format_line(number, candidate)}\n" for candidate in candidates)


def escape(tokens: str) -> str:
    """Tokens as Moses writes them."""
    for character, escaped in ESCAPES.items():
        tokens = tokens.replace(character, escaped)
    return tokens


def unescape(tokens: str) -> str:
    """What Moses' tokens stand for."""
    for character, escaped in reversed(ESCAPES.items()):
        tokens = tokens.replace(escaped, character)
    return tokens
