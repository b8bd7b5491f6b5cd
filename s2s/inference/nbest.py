"""Read and write n-best lists in Moses' format: candidate translations with features and scores.

A line is `id ||| hypothesis ||| name= value value name= value ||| score`. Sentences are numbered from 0. The hypothesis
is in Moses tokens with special characters escaped, so it never contains the separator.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from s2s.errors import check
from s2s.files import naming, whole

SEPARATOR = "|||"
# As in tokenizer.perl; the ampersand is escaped first and unescaped last.
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
    """A candidate translation."""

    tokens: str  # Moses tokens joined by single spaces, unescaped
    score: float  # ranks the candidates; higher is better
    features: Features = field(default_factory=dict)


def read(lines: Iterable[str], place: str, sentences: int) -> Iterator[list[Candidate]]:
    """Yield the candidates of each sentence; one list is in memory at a time.

    Args:
        lines: lines of the file, with or without line ends; a line of three fields has no features.
        place: name of the file in messages.
        sentences: number of source sentences; each must have a candidate.

    Raises:
        UserError: a line is malformed, or a sentence has no candidate.
    """
    expected = 0
    for number, group in groupby(parse_all(lines, place, sentences), key=lambda entry: entry[0]):
        yield [candidate for _, candidate in group]
        expected = number + 1
    check(expected == sentences, f"{place}: found {expected} sentences; expected {sentences}, as many as the source")


def parse_all(lines: Iterable[str], place: str, sentences: int) -> Iterator[tuple[int, Candidate]]:
    """Yield the sentence number and the candidate of each line; numbers must rise from 0 by one."""
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
    """Return the sentence number and the candidate of a line."""
    fields = [part.strip() for part in line.split(SEPARATOR)]
    check(
        len(fields) in (3, 4),
        f"{place}: found {len(fields)} fields; expected id ||| hypothesis ||| features ||| score, or without features",
    )
    check(fields[0].isdecimal(), f"{place}: found id {fields[0]!r}; expected the number of a sentence, from 0")
    tokens, score = unescape(" ".join(fields[1].split())), finite(fields[-1], place, "score")
    return int(fields[0]), Candidate(tokens, score, parse_features(fields[2], place) if len(fields) == 4 else {})


def parse_features(text: str, place: str) -> Features:
    """Parse `name= value value`; old lists of Moses have a colon after the name."""
    features: dict[str, list[float]] = {}
    name = ""
    for word in text.split():
        if word[-1] in "=:":
            name = word[:-1]
            check(name and name not in features, f"{place}: found feature {name!r} twice or nameless; expected it once")
            features[name] = []
        else:
            check(name, f"{place}: found {word!r} before any feature; expected name= and its values")
            features[name].append(finite(word, place, f"feature {name}"))
    return {name: tuple(values) for name, values in features.items()}


def finite(word: str, place: str, what: str) -> float:
    """Parse a finite number; `what` names it in messages."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    check(math.isfinite(value), f"{place}: found {what} {word!r}; expected a finite number")
    return value


def format_line(number: int, candidate: Candidate) -> str:
    """Return the line of a candidate, without line end; numbers keep full precision."""
    features = " ".join(f"{name}= {' '.join(map(repr, values))}" for name, values in candidate.features.items())
    return f" {SEPARATOR} ".join((str(number), escape(candidate.tokens), features, repr(candidate.score)))


def write(path: Path, lists: Iterable[Sequence[Candidate]], first: int = 0) -> None:
    """Write candidate lists of sentences numbered from `first`; lists are consumed lazily."""
    with whole(path) as beside, naming(path), beside.open("w", encoding="utf-8", newline="\n") as file:
        for number, candidates in enumerate(lists, first):
            file.writelines(f"{format_line(number, candidate)}\n" for candidate in candidates)


def escape(tokens: str) -> str:
    """Escape special characters as Moses does."""
    for character, escaped in ESCAPES.items():
        tokens = tokens.replace(character, escaped)
    return tokens


def unescape(tokens: str) -> str:
    """Restore special characters that Moses escapes."""
    for character, escaped in reversed(ESCAPES.items()):
        tokens = tokens.replace(escaped, character)
    return tokens
