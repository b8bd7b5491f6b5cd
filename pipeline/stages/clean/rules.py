"""The rules that drop training pairs, and the cleaning of one block of raw text, independent of all other blocks."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.parameters.sections import Clean
from pipeline.schemas.data import records
from pipeline.schemas.reports.text import Example, Rule
from s2s.corpus import languages
from s2s.files import kept, naming
from s2s.text import tokenizer
from s2s.text.lines import Block

EXAMPLES = 3  # of each rule
EXAMPLE_CHARACTERS = 200
SUMMARY = b"summary"


@dataclass(frozen=True)
class SiftedPair:
    """A row of a sifted block: a pair that no rule of this module dropped."""

    line: int
    """Of the raw text, counted from 1."""
    source: str
    target: str
    source_tokens: str
    target_tokens: str
    digest: Annotated[int, pa.uint64()]
    """Of the normalized sides. In WMT'14's 41 million pairs the chance that two different ones share it is 1:20,000."""


SIFTED = records.schema(SiftedPair)


def in_force(settings: Clean) -> list[Rule]:
    """Return the rules that are switched on, in order; the first that applies to a pair drops it."""
    rules = {
        "not_utf8": "a side is not UTF-8",
        "empty": "a side holds no text",
        "copy": "both sides are the same",
        "held_out": "the pair is in the development or test set",
        "too_long": f"a side has more than {settings.max_words} tokens",
        "ratio": f"a side has more than {settings.max_length_ratio:g} times the tokens of the other",
        "long_word": f"a token has more than {settings.max_word_characters} characters",
        "other_language": "a side is surely in another language",
        "duplicate": "the pair was kept before",
        "selection": "beyond the percentage of its corpus that is nearest to the development set",
    }
    switches = {
        "copy": settings.drop_copies,
        "held_out": settings.drop_held_out,
        "other_language": settings.drop_other_languages,
        "duplicate": settings.drop_duplicates,
        "selection": settings.selection,
    }
    return [Rule(rule, drops) for rule, drops in rules.items() if switches.get(rule, True)]


Pair = tuple[str, str, str, str]  # source, target, source tokens, target tokens
Scored = tuple[str, str, str, str, str, str]  # the same, reference, reference tokens


def digest(source: str, target: str) -> int:
    """Return a 64-bit digest of a pair of normalized sides."""
    return int.from_bytes(hashlib.blake2b(f"{source}\n{target}".encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Cleaner:
    """Normalizes and tokenizes pairs, and applies the rules that look at a single pair."""

    settings: Clean
    languages: tuple[str, str]
    tokenized: bool = False
    held_out: frozenset[int] = frozenset()

    def normalize(self, source: str, target: str) -> tuple[str, str]:
        """Return both sides as normalized plain text."""
        settings = self.settings
        if self.tokenized:
            source, target = map(tokenizer.from_tokens, (source, target), self.languages)
        return (
            tokenizer.normalize(source, self.languages[0], settings.normalize_punctuation, settings.lowercase),
            tokenizer.normalize(target, self.languages[1], settings.normalize_punctuation, settings.lowercase),
        )

    def tokenize(self, source: str, target: str) -> Pair:
        """Return normalized sides with their tokens."""
        return (
            source,
            target,
            tokenizer.tokenize(source, self.languages[0]),
            tokenizer.tokenize(target, self.languages[1]),
        )

    def reference(self, target: str) -> tuple[str, str]:
        """Return a target to be scored against as it came, in plain text without spaces at its end, and its tokens."""
        plain = tokenizer.from_tokens(target, self.languages[1]) if self.tokenized else target.rstrip()
        return plain, tokenizer.tokenize(plain, self.languages[1])

    def clean(self, source: str, target: str) -> tuple[Pair, int] | str:
        """Return a cleaned training pair with its digest, or the name of the rule that drops it."""
        settings = self.settings
        # Each language normalizes the same text in its own way, so copies are found before and after.
        is_copy = settings.drop_copies and tokenizer.have_same_words(source, target)
        source, target = self.normalize(source, target)
        if not (source and target):
            return "empty"
        if is_copy or (settings.drop_copies and source == target):
            return "copy"
        identity = digest(source, target)
        if identity in self.held_out:
            return "held_out"
        # Tokenizing never joins words, so a line of too many words need not be tokenized, which is slow.
        if max(source.count(" "), target.count(" ")) >= settings.max_words:
            return "too_long"
        pair = self.tokenize(source, target)
        return self.broken(*pair) or (pair, identity)

    def broken(self, source: str, target: str, source_tokens: str, target_tokens: str) -> str:
        """Return the name of the rule that drops a pair for its tokens, or \"\"."""
        settings = self.settings
        short, long = sorted((source_tokens.count(" ") + 1, target_tokens.count(" ") + 1))
        if long > settings.max_words:
            return "too_long"
        if long > short * settings.max_length_ratio:
            return "ratio"
        if max(longest(source_tokens), longest(target_tokens)) > settings.max_word_characters:
            return "long_word"
        if settings.drop_other_languages and any(map(languages.other_language, (source, target), self.languages)):
            return "other_language"
        return ""


def longest(tokens: str) -> int:
    """Return the number of characters of the longest token."""
    return max(map(len, tokens.split(" ")))


@dataclass
class Summary:
    """Counts of dropped and repaired pairs of a block or a corpus, with examples."""

    pairs: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def add(self, other: "Summary") -> None:
        """Add the counts and examples of a later block."""
        self.pairs += other.pairs
        self.dropped += other.dropped
        self.repairs += other.repairs
        for name, examples in other.examples.items():
            self.examples[name] = [*self.examples.get(name, []), *examples][:EXAMPLES]

    def show(self, name: str, corpus: str, line: int, source: str, target: str) -> None:
        """Keep a pair as an example of a rule or repair, unless there are enough."""
        shown = self.examples.setdefault(name, [])
        if len(shown) < EXAMPLES:
            shown.append(Example(corpus, line, source[:EXAMPLE_CHARACTERS], target[:EXAMPLE_CHARACTERS]))


def sift(cleaner: Cleaner, corpus: str, block: Block, out: Path) -> Summary:
    """Write the pairs of a block that no rule drops, and return a summary of the block, which the file holds too."""
    summary = Summary()
    rows: list[tuple[int | str, ...]] = []
    (sources, broken_sources), (targets, broken_targets) = decoded(block.source), decoded(block.target)
    broken = broken_sources | broken_targets
    for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
        for kind in sorted({*tokenizer.repairs(source), *tokenizer.repairs(target)}):
            summary.repairs[kind] += 1
            summary.show(kind, corpus, block.first + number, source, target)
        result = "not_utf8" if number in broken else cleaner.clean(source, target)
        if isinstance(result, str):
            summary.dropped[result] += 1
            summary.show(result, corpus, block.first + number, source, target)
        else:
            rows.append((block.first + number, *result[0], result[1]))
    summary.pairs = len(sources)
    write_sifted(out, rows, summary)
    return summary


def decoded(lines: bytes) -> tuple[list[str], set[int]]:
    """Return the lines of a text as strings, and the numbers of lines that are not UTF-8, counted from 0."""
    try:
        return lines.decode("utf-8").split("\n")[:-1], set()
    except UnicodeDecodeError:
        single = lines.split(b"\n")[:-1]
        return [line.decode("utf-8", "replace") for line in single], {n for n, s in enumerate(single) if not is_utf8(s)}


def is_utf8(line: bytes) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def write_sifted(out: Path, rows: list[tuple[int | str, ...]], summary: Summary) -> None:
    """Write a sifted block: rows of SiftedPair, and the summary in the metadata of the file."""
    columns = list(zip(*rows, strict=True)) or [()] * len(SIFTED)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SIFTED, strict=True)]
    schema = SIFTED.with_metadata({SUMMARY: records.adapter(Summary).dump_json(summary)})
    with naming(out), kept(out) as beside:
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), beside, **records.PARQUET)


def read_summary(path: Path) -> Summary:
    """Read the summary of a sifted block."""
    summary: Summary = records.adapter(Summary).validate_json(pq.read_schema(path).metadata[SUMMARY])
    return summary
