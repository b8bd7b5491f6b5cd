"""Stage `clean`: normalize and tokenize the raw text, drop training pairs by rules, and count the dropped pairs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.parameters import reading
from pipeline.parameters.sections import Clean
from pipeline.running import program, resuming
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import HELD_OUT, SCORED, write_pairs
from pipeline.schemas.data.raw import MANIFEST, Manifest, RawCorpus
from pipeline.schemas.reports.text import Cleaning, Rule
from pipeline.stages.clean import losses, rules
from pipeline.stages.clean.rules import EXAMPLES, Cleaner, Scored, Summary
from pipeline.stages.clean.shards import Mask, Shard, duplicates, end, unselected, write_train
from pipeline.tracking import run as tracking
from pipeline.workers import mapped
from s2s import corpus as corpus_room
from s2s import text as text_room
from s2s.corpus import languages
from s2s.errors import UserError, check
from s2s.files import intact, whole
from s2s.progress import Meter
from s2s.text import lines, tokenizer
from s2s.text.lines import Block, blocks

SHARD_PAIRS = 20_000  # of raw text: a file of data/clean/train, two seconds of work, 50 MB in memory
PACKED = 3  # bytes of text for each byte of gzip
ROOM = 2.5  # bytes of clean text for each byte of raw text while sifted and finished files are both on disk


def main(raw: Path, out: Path, report: Path, table: Path) -> None:
    """Write clean training, development and test pairs, and a ledger of dropped pairs.

    Args:
        raw: folder of raw text, from the download stage.
        out: folder to be written: Parquet files of pairs.
        report: JSON file to be written: the ledger with examples.
        table: CSV file to be written: the ledger.
    """
    settings = reading.read().clean
    manifest = records.read(Manifest, raw / MANIFEST)
    check_selection(settings, manifest)
    cleaner = Cleaner(settings, (manifest.source_language, manifest.target_language))
    work = resuming.unfinished("clean", fingerprint(raw, manifest, settings))
    with tracking.run() as run, resuming.alone(out), work as place:
        held_out = {split: scored(raw, manifest.splits[split], cleaner) for split in HELD_OUT}
        check_space(raw, manifest, place)
        with whole(out) as folder:
            books, shards = sift_corpora(raw, manifest.splits["train"], knowing(cleaner, held_out), place)
            dropped = decide(shards, settings, held_out["dev"])
            enter(books, shards, dropped)
            losses.tell(rules.in_force(settings), books, settings.max_loss)
            sizes = {"train": write_train(folder / "train", shards, dropped.values())}
            check(sizes["train"], f"{raw}: found no training pair that the rules of clean keep; {counted(books)}")
            sizes |= {split: write_scored(folder / f"{split}.parquet", pairs) for split, pairs in held_out.items()}
        cleaning = account(rules.in_force(settings), books, sizes)
        records.write(report, cleaning)
        write_table(table, cleaning)
        run.metrics({f"pairs.{split}": size for split, size in sizes.items()})


def check_selection(settings: Clean, manifest: Manifest) -> None:
    """Raise a UserError if `clean.selection` names a corpus that the raw text has not."""
    known = [corpus.corpus for corpus in manifest.splits["train"]]
    for corpus in settings.selection:
        check(corpus in known, f"clean.selection: found {corpus}; expected some of {', '.join(known)}")


def check_space(raw: Path, manifest: Manifest, place: Path) -> None:
    """Raise a UserError if the disk has no room for the clean text."""
    texts = [raw / name for corpus in manifest.splits["train"] for name in (corpus.source, corpus.target)]
    wanted = sum(path.stat().st_size * (PACKED if lines.is_gzip(path) else 1) for path in texts)
    done = sum(path.lstat().st_size for path in place.iterdir())
    resuming.check_free(place, int(wanted * ROOM) - done, "for clean text, a part of it twice for a while")


def fingerprint(raw: Path, manifest: Manifest, settings: Clean) -> str:
    """Return a digest of the text, rules and code that sifted text depends on; only work of that digest is resumed."""
    corpora = [corpus for corpora in manifest.splits.values() for corpus in corpora]
    names = [name for corpus in corpora for name in (corpus.source, corpus.target)]
    states = [(raw / name).stat() for name in names]
    inputs = [[name, state.st_size, state.st_mtime_ns] for name, state in zip(names, states, strict=True)]
    later = {"drop_duplicates": None, "selection": None, "max_loss": None}  # applied after all text is sifted
    values = [records.adapter(Manifest).dump_python(manifest, mode="json"), inputs, settings.model_dump() | later]
    return resuming.fingerprint((rules, corpus_room, text_room), *values, SHARD_PAIRS)


def scored(raw: Path, corpora: Iterable[RawCorpus], cleaner: Cleaner) -> list[Scored]:
    """Clean the pairs of a development or test set, of which none is dropped, and add the targets as they came.

    Raises:
        UserError: a line holds no text.
    """
    cleaned = []
    for corpus in corpora:
        own = replace(cleaner, tokenized=corpus.tokenized)
        source, target = raw / corpus.source, raw / corpus.target
        for number, pair in enumerate(lines.pairs(source, target), start=1):
            sides = own.normalize(*pair)
            if not all(sides):
                raise UserError(
                    f"{source} or {target.name} line {number}: found no text; expected some on every line to be scored"
                )
            cleaned.append((*own.tokenize(*sides), *own.reference(pair[1])))
    return cleaned


def write_scored(path: Path, pairs: Sequence[Scored]) -> int:
    """Write a development or test set and return the number of its pairs."""
    write_pairs(path, 0, pa.table(list(zip(*pairs, strict=True)), SCORED.names[1:]))
    return len(pairs)


def knowing(cleaner: Cleaner, held_out: Mapping[str, list[Scored]]) -> Cleaner:
    """Load what the rules in force need into a cleaner, before processes are forked that inherit it."""
    if cleaner.settings.drop_other_languages:
        languages.identifier()
    if not cleaner.settings.drop_held_out:
        return cleaner
    digests = frozenset(rules.digest(source, target) for pairs in held_out.values() for source, target, *_ in pairs)
    return replace(cleaner, held_out=digests)


@dataclass(frozen=True)
class Job:
    """A block of training text, and the file for its pairs that are kept."""

    corpus: RawCorpus
    block: Block | None  # None: it was sifted before, and need not be sent to a worker
    path: Path


def sift_corpora(
    raw: Path, corpora: Sequence[RawCorpus], cleaner: Cleaner, place: Path
) -> tuple[dict[str, Summary], list[Shard]]:
    """Sift the training text in parallel; blocks that were sifted before an interruption are not sifted again.

    Returns:
        A summary of each corpus, and the shards of kept pairs in the order of the text.
    """
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
    """Yield the blocks of all corpora, one after the other."""
    numbered = (
        (corpus, block) for corpus in corpora for block in blocks(raw / corpus.source, raw / corpus.target, SHARD_PAIRS)
    )
    for number, (corpus, block) in enumerate(numbered):
        path = place / f"{number:05}.parquet"
        yield Job(corpus, None if intact(path) else block, path)


def sift(cleaner: Cleaner, job: Job) -> tuple[Shard, Summary]:
    """Sift a block, or read its summary if it was sifted before; the shard's `first` is set later."""
    corpus = job.corpus.corpus
    if job.block is None:
        summary = rules.read_summary(job.path)
    else:
        summary = rules.sift(replace(cleaner, tokenized=job.corpus.tokenized), corpus, job.block, job.path)
    return Shard(corpus, job.path, 0, summary.pairs - summary.dropped.total()), summary


def decide(shards: Sequence[Shard], settings: Clean, development: Sequence[Scored]) -> dict[str, Mask]:
    """Return by rule the sifted pairs that are dropped by comparing pairs: duplicates and unselected, [pairs]."""
    dropped: dict[str, Mask] = {}
    kept = np.ones(end(shards), bool)
    if settings.drop_duplicates:
        dropped["duplicate"] = duplicates(shards)
        kept &= ~dropped["duplicate"]
    if settings.selection:
        dropped["selection"] = unselected(shards, kept, settings.selection, development)
    return dropped


def enter(books: Mapping[str, Summary], shards: Sequence[Shard], dropped: Mapping[str, Mask]) -> None:
    """Add to the ledger the pairs that `decide` dropped, with examples."""
    for rule, mask in dropped.items():
        for shard in shards:
            rows = np.flatnonzero(mask[shard.place])
            book = books[shard.corpus]
            book.dropped[rule] += len(rows)
            if len(rows) and len(book.examples.get(rule, [])) < EXAMPLES:
                for row in shard.read(["line", "source", "target"]).take(rows[:EXAMPLES]).to_pylist():
                    book.show(rule, shard.corpus, **row)


def account(chosen: Sequence[Rule], books: Mapping[str, Summary], sizes: dict[str, int]) -> Cleaning:
    """Return the report; the pairs of a corpus before cleaning are the sum of its kept and its dropped pairs."""
    ledger = {}
    whole = Summary()
    for corpus, book in books.items():
        out = book.pairs - book.dropped.total()
        ledger[corpus] = {"in": book.pairs, "out": out, **{rule.rule: book.dropped[rule.rule] for rule in chosen}}
        whole.add(book)
    repairs = {corpus: {kind: book.repairs[kind] for kind in tokenizer.REPAIRS} for corpus, book in books.items()}
    assert sum(counts["out"] for counts in ledger.values()) == sizes["train"]
    return Cleaning([*chosen], ledger, repairs, whole.examples, sizes)


def counted(books: Mapping[str, Summary]) -> str:
    """Return the counts of dropped pairs, for a message."""
    taken = Summary()
    for book in books.values():
        taken.add(book)
    return f"expected some of {taken.pairs} (dropped: {', '.join(f'{n} {rule}' for rule, n in taken.dropped.items())})"


def write_table(path: Path, cleaning: Cleaning) -> None:
    """Write the ledger as CSV: a row for each corpus, with the repairs in the last columns."""
    repairs = {
        corpus: {f"repaired_{kind}": count for kind, count in counts.items()}
        for corpus, counts in cleaning.repairs.items()
    }
    rows = ({"corpus": corpus, **counts, **repairs[corpus]} for corpus, counts in cleaning.ledger.items())
    records.write_csv(path, rows)


if __name__ == "__main__":
    program.program(main)
