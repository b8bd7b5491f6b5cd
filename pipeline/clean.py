"""Normalizes and tokenizes the raw text, and drops training pairs by rules that a ledger accounts for."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline import schemas, stage, tracking
from pipeline.lines import count_lines, pairs
from pipeline.parameters import Clean, read
from pipeline.schemas import Manifest, PairWriter, RawCorpus
from pipeline.workers import mapped
from s2s import text
from s2s.difficulty import HeldOut, measure
from s2s.errors import UserError, check
from s2s.files import whole
from s2s.progress import Meter

CHUNK_PAIRS = 2000  # of raw text, worked on together
RULES = ("empty", "too_long", "ratio", "duplicate")  # the first that fits a pair drops it

Pair = tuple[str, str, str, str]  # source, target, source tokens, target tokens
Cleaned = tuple[Pair | None, str]  # a pair, or nothing and the rule that dropped it
Ledger = dict[str, int]


@dataclass(frozen=True)
class Cleaner:
    """What is done to each pair, whatever the others are. Dropped ones are None beside the name of the rule."""

    settings: Clean
    languages: tuple[str, str]
    drops: bool

    def __call__(self, chunk: list[tuple[str, str]]) -> list[Cleaned]:
        """Cleans a chunk of pairs."""
        return [self.clean(*pair) for pair in chunk]

    def clean(self, *sides: str) -> Cleaned:
        """Cleans one pair."""
        settings = self.settings
        source, target = (
            text.normalize(line, language, settings.normalize_punctuation, settings.lowercase)
            for line, language in zip(sides, self.languages, strict=True)
        )
        if not (source and target):
            return None, "empty"
        tokens = text.tokenize(source, self.languages[0]), text.tokenize(target, self.languages[1])
        rule = self.broken(*(line.count(" ") + 1 for line in tokens)) if self.drops else ""
        return (None, rule) if rule else ((source, target, *tokens), "")

    def broken(self, source_words: int, target_words: int) -> str:
        """The rule by which a pair of so many words is dropped, or nothing."""
        short, long = sorted((source_words, target_words))
        if long > self.settings.max_words:
            return "too_long"
        return "ratio" if long > short * self.settings.max_length_ratio else ""


def main(raw: Path, out: Path, report: Path) -> None:
    """Writes clean training, development and test pairs, and the ledger of what was dropped.

    Args:
        raw: folder of raw text, from the download stage.
        out: folder to be written, a Parquet file a split.
        report: JSON file to be written: the ledger, the splits' sizes, and how hard the text is.
    """
    settings = read().clean
    with tracking.run() as run, whole(out) as folder:
        folder.mkdir()
        manifest = schemas.read(Manifest, raw / schemas.MANIFEST)
        languages = (manifest.source_language, manifest.target_language)
        book = Book(settings.drop_duplicates)
        for split, corpora in manifest.splits.items():
            cleaner = Cleaner(settings, languages, drops=split == "train")
            with PairWriter(folder / f"{split}.parquet") as writer:
                for corpus in corpora:
                    clean_corpus(raw, split, corpus, cleaner, book, writer)
            book.sizes[split] = writer.rows
        left = book.sizes["train"]
        check(left, f"{raw}: found no training pair that the rules of clean keep; expected some ({book.train})")
        difficulty = hardness(folder, manifest.target_language)
        schemas.write(report, schemas.Corpus(book.train, book.sizes, difficulty))
        run.metrics({f"pairs.{split}": size for split, size in book.sizes.items()})
        run.metrics({name: value for name, value in difficulty.items() if isinstance(value, float)})


class Book:
    """What became of the pairs: in == out + what each rule dropped, for every corpus."""

    def __init__(self, drops_duplicates: bool) -> None:
        self.drops_duplicates = drops_duplicates
        self.seen: set[bytes] = set()
        self.train: dict[str, Ledger] = {}
        self.sizes: dict[str, int] = {}

    def keep(self, corpus: str, chunk: Iterable[Cleaned]) -> list[Pair]:
        """Enters training pairs and returns those that no rule drops."""
        ledger = self.train.setdefault(corpus, dict.fromkeys(("in", "out", *RULES), 0))
        kept = []
        for pair, rule in chunk:
            broken = rule or ("duplicate" if self.is_duplicate(pair) else "")
            ledger["in"] += 1
            ledger[broken or "out"] += 1
            if pair and not broken:
                kept.append(pair)
        return kept

    def is_duplicate(self, pair: Pair | None) -> bool:
        """Whether an equal pair has been kept before. 16 bytes of each are remembered, not its text."""
        if not (self.drops_duplicates and pair):
            return False
        digest = hashlib.blake2b("\n".join(pair[:2]).encode(), digest_size=16).digest()
        known = digest in self.seen
        self.seen.add(digest)
        return known


def clean_corpus(raw: Path, split: str, corpus: RawCorpus, cleaner: Cleaner, book: Book, writer: PairWriter) -> None:
    """Cleans the two texts of a corpus, in all processors."""
    source, target = raw / corpus.source, raw / corpus.target
    done = 0
    with Meter(f"clean {split} {corpus.corpus}", count_lines(source)) as meter:
        for chunk in mapped(cleaner, chunks(pairs(source, target))):
            writer.write(book.keep(corpus.corpus, chunk) if cleaner.drops else all_of(chunk, source, target, done))
            done += len(chunk)
            meter.update(done, f"{done} pairs")


def all_of(chunk: Iterable[Cleaned], source: Path, target: Path, before: int) -> list[Pair]:
    """All pairs of a chunk that is to be scored; `before` counts those before it."""
    found = []
    for number, (pair, _) in enumerate(chunk, start=before + 1):
        if pair is None:
            raise UserError(
                f"{source} or {target.name} line {number}: found no text; expected some on every line to be scored"
            )
        found.append(pair)
    return found


def hardness(folder: Path, language: str) -> dict[str, Any]:
    """How hard the clean text is to translate."""
    tokens = [schemas.text_column(side, tokens=True) for side in schemas.SIDES]
    train = (pair for rows in schemas.stream_columns(folder / "train.parquet", tokens) for pair in rows)
    test = [row for rows in schemas.stream_columns(folder / "test.parquet", [*tokens, "target"]) for row in rows]
    return measure(
        train,
        HeldOut(
            pairs=[(source, target) for source, target, _ in test],
            references=[reference for *_, reference in test],
            detokenize=lambda line: text.detokenize(line, language),
        ),
    )


def chunks(rows: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Cuts rows into lists of equal length."""
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK_PAIRS)):
        yield chunk


if __name__ == "__main__":
    stage.program(main)
