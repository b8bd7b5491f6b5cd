"""Normalizes and tokenizes the raw text, and drops training pairs by rules that a ledger accounts for."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from pipeline import lines, parameters, rules, stage, tracking, work
from pipeline.lines import Block, blocks
from pipeline.parameters import Clean
from pipeline.rules import EXAMPLES, Cleaner, Pair, Summary
from pipeline.schemas import records
from pipeline.schemas.cleaned import Cleaning, Rule
from pipeline.schemas.pairs import PairWriter
from pipeline.schemas.raw import MANIFEST, Manifest, RawCorpus
from pipeline.shards import Mask, Shard, duplicates, end, unselected, write_train
from pipeline.workers import mapped
from s2s import files, languages, moses, text
from s2s.errors import UserError, check
from s2s.files import whole
from s2s.progress import Meter

SHARD_PAIRS = 20_000  # of raw text: a file of data/clean/train, two seconds of work, 50 MB in memory
HELD_OUT = ("dev", "test")
PACKED = 3  # bytes of text in one of gzip, and
ROOM = 2.5  # bytes of clean text for one of raw text, while it stands there sifted and finished: both in two forms


def main(raw: Path, out: Path, report: Path, table: Path) -> None:
    """Writes clean training, development and test pairs, and the ledger of what was dropped.

    Args:
        raw: folder of raw text, from the download stage.
        out: folder to be written: Parquet files of pairs.
        report: JSON file to be written: the ledger with examples.
        table: CSV file to be written: the ledger.
    """
    settings = parameters.read().clean
    manifest = records.read(Manifest, raw / MANIFEST)
    check_selection(settings, manifest)
    cleaner = Cleaner(settings, (manifest.source_language, manifest.target_language))
    files.sweep(out)
    with tracking.run() as run:
        held_out = {split: scored(raw, manifest.splits[split], cleaner) for split in HELD_OUT}
        place = work.folder("clean", fingerprint(raw, manifest, settings))
        with FileLock(place / "lock"), whole(out) as folder:
            check_space(raw, manifest, place)
            books, shards = sift_corpora(raw, manifest.splits["train"], knowing(cleaner, held_out), place)
            dropped = decide(shards, settings, held_out["dev"])
            enter(books, shards, dropped)
            sizes = {"train": write_train(folder / "train", shards, dropped.values())}
            check(sizes["train"], f"{raw}: found no training pair that the rules of clean keep; {counted(books)}")
            sizes |= {split: write_scored(folder / f"{split}.parquet", pairs) for split, pairs in held_out.items()}
        cleaning = account(rules.in_force(settings), books, sizes)
        records.write(report, cleaning)
        write_table(table, cleaning)
        run.metrics({f"pairs.{split}": size for split, size in sizes.items()})
        shutil.rmtree(place)


def check_selection(settings: Clean, manifest: Manifest) -> None:
    """Refuses to select from a corpus that is not there."""
    known = [corpus.corpus for corpus in manifest.splits["train"]]
    for corpus in settings.selection:
        check(corpus in known, f"clean.selection: found {corpus}; expected some of {', '.join(known)}")


def check_space(raw: Path, manifest: Manifest, place: Path) -> None:
    """Refuses to begin what the disk has no room for."""
    texts = [raw / name for corpus in manifest.splits["train"] for name in (corpus.source, corpus.target)]
    wanted = sum(path.stat().st_size * (PACKED if lines.is_gzip(path) else 1) for path in texts)
    done = sum(path.stat().st_size for path in place.iterdir())
    work.check_free(place, int(wanted * ROOM) - done, "for clean text, a part of it twice for a while")


def fingerprint(raw: Path, manifest: Manifest, settings: Clean) -> str:
    """Names what sifted text is a function of: work is never taken up with other text, rules or code."""
    names = [name for corpora in manifest.splits.values() for one in corpora for name in (one.source, one.target)]
    found = [(raw / name).stat() for name in names]
    inputs = [[name, one.st_size, one.st_mtime_ns] for name, one in zip(names, found, strict=True)]
    later = {"drop_duplicates": None, "selection": None}  # decided when all is sifted
    values = [records.adapter(Manifest).dump_python(manifest, mode="json"), inputs, settings.model_dump() | later]
    return work.fingerprint((lines, rules, text, moses, languages), *values, SHARD_PAIRS)


def scored(raw: Path, corpora: Iterable[RawCorpus], cleaner: Cleaner) -> list[Pair]:
    """The pairs of a development or test set. None is dropped."""
    found = []
    for corpus in corpora:
        own = replace(cleaner, tokenized=corpus.tokenized)
        source, target = raw / corpus.source, raw / corpus.target
        for number, pair in enumerate(lines.pairs(source, target), start=1):
            sides = own.normalize(*pair)
            if not all(sides):
                raise UserError(
                    f"{source} or {target.name} line {number}: found no text; expected some on every line to be scored"
                )
            found.append(own.tokenize(*sides))
    return found


def write_scored(path: Path, pairs: list[Pair]) -> int:
    """Writes a development or test set; returns how many pairs it has."""
    with PairWriter(path) as writer:
        writer.write(pairs)
    return len(pairs)


def knowing(cleaner: Cleaner, held_out: Mapping[str, list[Pair]]) -> Cleaner:
    """A cleaner with all that the rules in force need, so that processes inherit it."""
    if cleaner.settings.drop_other_languages:
        languages.identifier()
    if not cleaner.settings.drop_held_out:
        return cleaner
    found = frozenset(rules.digest(source, target) for pairs in held_out.values() for source, target, *_ in pairs)
    return replace(cleaner, held_out=found)


@dataclass(frozen=True)
class Job:
    """A block of training text, and the file of what will be left of it."""

    corpus: RawCorpus
    block: Block | None  # None: it has been sifted, and need not travel to a worker
    path: Path


def sift_corpora(
    raw: Path, corpora: Sequence[RawCorpus], cleaner: Cleaner, place: Path
) -> tuple[dict[str, Summary], list[Shard]]:
    """Sifts the training text in all processors; what was sifted before an interruption is taken as it is."""
    books = {corpus.corpus: Summary() for corpus in corpora}
    shards: list[Shard] = []
    done = 0
    with Meter("clean", sum(corpus.pairs for corpus in corpora)) as meter:
        for shard, summary in mapped(partial(sift, cleaner), jobs(raw, corpora, place)):
            shards.append(replace(shard, first=end(shards)))
            books[shard.corpus].add(summary)
            done += summary.pairs
            meter.update(done, f"{done:,} pairs, {shard.corpus}")
    return books, shards


def jobs(raw: Path, corpora: Iterable[RawCorpus], place: Path) -> Iterator[Job]:
    """The blocks of all corpora, one after the other."""
    found = (
        (corpus, block) for corpus in corpora for block in blocks(raw / corpus.source, raw / corpus.target, SHARD_PAIRS)
    )
    for number, (corpus, block) in enumerate(found):
        path = place / f"{number:05}.parquet"
        yield Job(corpus, None if path.exists() else block, path)


def sift(cleaner: Cleaner, job: Job) -> tuple[Shard, Summary]:
    """Sifts a block, or reads what became of it; where the shard begins is not yet known."""
    corpus = job.corpus.corpus
    if job.block is None:
        summary = rules.read_summary(job.path)
    else:
        summary = rules.sift(replace(cleaner, tokenized=job.corpus.tokenized), corpus, job.block, job.path)
    return Shard(corpus, job.path, 0, summary.pairs - summary.dropped.total()), summary


def decide(shards: Sequence[Shard], settings: Clean, development: Sequence[Pair]) -> dict[str, Mask]:
    """Which of the sifted pairs are dropped by the rules that look at all of them, [pairs]."""
    dropped: dict[str, Mask] = {}
    kept = np.ones(end(shards), bool)
    if settings.drop_duplicates:
        dropped["duplicate"] = duplicates(shards)
        kept &= ~dropped["duplicate"]
    if settings.selection:
        dropped["selection"] = unselected(shards, kept, settings.selection, development)
    return dropped


def enter(books: Mapping[str, Summary], shards: Sequence[Shard], dropped: Mapping[str, Mask]) -> None:
    """Enters into the ledger what the rules that look at all pairs dropped, with examples."""
    for rule, mask in dropped.items():
        for shard in shards:
            rows = np.flatnonzero(mask[shard.place])
            book = books[shard.corpus]
            book.dropped[rule] += len(rows)
            if len(rows) and len(book.examples.get(rule, [])) < EXAMPLES:
                for row in shard.read(["line", "source", "target"]).take(rows[:EXAMPLES]).to_pylist():
                    book.show(rule, shard.corpus, **row)


def account(chosen: Sequence[Rule], books: Mapping[str, Summary], sizes: dict[str, int]) -> Cleaning:
    """The report: for each corpus, what came in is what came out and what each rule dropped."""
    ledger = {}
    whole = Summary()
    for corpus, book in books.items():
        out = book.pairs - book.dropped.total()
        ledger[corpus] = {"in": book.pairs, "out": out, **{one.rule: book.dropped[one.rule] for one in chosen}}
        whole.add(book)
    repairs = {corpus: {kind: book.repairs[kind] for kind in text.REPAIRS} for corpus, book in books.items()}
    assert sum(counts["out"] for counts in ledger.values()) == sizes["train"]
    return Cleaning([*chosen], ledger, repairs, whole.examples, sizes)


def counted(books: Mapping[str, Summary]) -> str:
    """What became of the pairs, for an error's line."""
    taken = Summary()
    for book in books.values():
        taken.add(book)
    return f"expected some of {taken.pairs} (dropped: {', '.join(f'{n} {rule}' for rule, n in taken.dropped.items())})"


def write_table(path: Path, cleaning: Cleaning) -> None:
    """Writes the ledger, a row a corpus, with the repairs in further columns."""
    rows = {
        corpus: counts | {f"repaired_{kind}": count for kind, count in cleaning.repairs[corpus].items()}
        for corpus, counts in cleaning.ledger.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("corpus")
    files.write_text(path, table.to_csv(lineterminator="\n"))


if __name__ == "__main__":
    stage.program(main)
