"""Stage `download`: generate the raw text, download it as sources.yaml lists it, or copy a user's own files."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.fetching import files, transfer
from pipeline.parameters.reading import read
from pipeline.parameters.sections import Download, Operation
from pipeline.running import program, resuming
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import SIDES, SPLITS
from pipeline.schemas.data.raw import MANIFEST, Manifest, RawCorpus
from pipeline.sources import archives, catalog
from pipeline.sources.catalog import Corpus, Source
from pipeline.sources.demo import corpus as demo
from pipeline.tracking import run as tracking
from s2s.errors import check
from s2s.files import naming, whole, write_text
from s2s.text.lines import is_gzip, lines

Splits = dict[str, list[RawCorpus]]
Pulse = Callable[[], None]  # is called about every megabyte, and raises to stop the work


@dataclass(frozen=True)
class Text:
    """A text file in the output folder."""

    file: str
    lines: int


def main(out: Path, listed: Path = catalog.LISTED) -> None:
    """Write the raw text of `download.source` and a manifest; after a failure nothing is written.

    Args:
        out: folder to be written.
        listed: YAML file of the sources that can be downloaded.
    """
    parameters = read()
    settings, operation = parameters.download, parameters.operation
    languages = (settings.source_language, settings.target_language)
    check(
        languages[0] != languages[1],
        f"download.target_language: found {languages[0]}, the source language; expected another",
    )
    with tracking.run() as run, resuming.alone(out):
        if settings.source in MADE_HERE:
            write(settings, MADE_HERE[settings.source], out)
        else:
            source = catalog.find(settings.source, listed)
            with files.workplace(source) as work:
                files.check_space(source, transfer.mirrors(operation.mirrors), work, out)
                write(settings, partial(fetched, source, operation, work), out)
        run.metrics({"bytes": sum(path.stat().st_size for path in out.iterdir())})


def write(settings: Download, get: Callable[[Download, Path], Splits], out: Path) -> None:
    """Write the output folder: the texts that `get` writes, and their manifest."""
    with whole(out) as folder:
        folder.mkdir()
        splits = get(settings, folder)
        manifest = Manifest(settings.source, settings.source_language, settings.target_language, splits)
        records.write(folder / MANIFEST, manifest)


def generated(settings: Download, folder: Path) -> Splits:
    """Generate the demo corpus."""
    source, target = chosen(settings, ("en", "fr"))
    splits: Splits = {}
    for split, sentences in demo.generate(**settings.demo.model_dump()).items():
        columns = dict(zip(("en", "fr"), zip(*sentences, strict=True), strict=True))
        for language, column in columns.items():
            write_text(folder / f"{split}.{language}", "".join(f"{line}\n" for line in column))
        splits[split] = [RawCorpus("demo", f"{split}.{source}", f"{split}.{target}", len(sentences))]
    return splits


def copied(settings: Download, folder: Path) -> Splits:
    """Copy a user's own files after checking all of them."""
    named = {split: [Path(getattr(settings.files, f"{split}_{side}")) for side in SIDES] for split in SPLITS}
    pairs = {split: checked(paths, every_line=split != "train") for split, paths in named.items()}
    splits: Splits = {}
    for split, paths in named.items():
        names = []
        for path, language in zip(paths, (settings.source_language, settings.target_language), strict=True):
            names.append(f"{split}.{language}{'.gz' if is_gzip(path) else ''}")
            copy(path, folder / names[-1])
        splits[split] = [RawCorpus("files", names[0], names[1], pairs[split])]
    return splits


def checked(sides: list[Path], every_line: bool) -> int:
    """Check that two files are parallel text and return the number of pairs.

    Args:
        sides: source and target.
        every_line: whether an empty line is an error, as in the development and test set.

    Raises:
        UserError: a file is empty, has an empty line, or has more lines than the other.
    """
    counts = [archives.count_lines(path) for path in sides]
    for path, count in zip(sides, counts, strict=True):
        check(count, f"{path}: found no line; expected text, one sentence a line")
        for number, line in enumerate(lines(path) if every_line else (), start=1):
            check(line.strip(), f"{path} line {number}: found an empty line; expected text on every line to be scored")
    check(
        counts[0] == counts[1],
        f"{sides[0]} has {counts[0]} lines and {sides[1]} has {counts[1]}; expected as many of each",
    )
    return counts[0]


def fetched(source: Source, operation: Operation, work: Path, settings: Download, folder: Path) -> Splits:
    """Download the files of a source and extract its texts."""
    languages = chosen(settings, source.languages)
    extracted = files.fetch_all(source, settings.source, operation, work, partial(unpacked, source, languages, folder))
    by_name = {name: text for texts in extracted.values() for name, text in texts.items()}
    splits: Splits = {split: [] for split in SPLITS}
    for corpus in source.corpora:
        sides = [by_name[name_of(corpus, language)] for language in languages]
        splits[corpus.split].append(aligned(corpus, *sides))
    return splits


def aligned(corpus: Corpus, source: Text, target: Text) -> RawCorpus:
    """Return a corpus of two texts.

    Raises:
        UserError: a text has another number of lines than the other, or than the catalog says.
    """
    wanted = source.lines if corpus.pairs is None else corpus.pairs
    check(
        source.lines == target.lines == wanted,
        f"{corpus.name}: found {source.lines:,} lines in {source.file} and {target.lines:,} in {target.file}; "
        f"expected {'as many' if corpus.pairs is None else f'{wanted:,}'} of each",
    )
    return RawCorpus(corpus.name, source.file, target.file, wanted, corpus.tokenized)


def unpacked(
    source: Source, languages: tuple[str, str], folder: Path, file: str, path: Path, pulse: Pulse
) -> dict[str, Text]:
    """Extract all texts of a downloaded file and return them by `name_of`."""
    held = list(texts_in(file, source, languages))
    members = {corpus.text(language): folder / name_of(corpus, language) for corpus, language in held if corpus.archive}
    if members:
        archives.extract(path, members, pulse)
    for corpus, language in held:
        if not corpus.archive:
            copy(path, folder / name_of(corpus, language))
    return {name_of(corpus, language): finished(corpus, language, folder, pulse) for corpus, language in held}


def texts_in(file: str, source: Source, languages: tuple[str, str]) -> Iterator[tuple[Corpus, str]]:
    """Yield the corpus and language of each text that a file holds, or is itself."""
    for corpus in source.corpora:
        for language in languages:
            if file == (corpus.archive or corpus.text(language)):
                yield corpus, language


def name_of(corpus: Corpus, language: str) -> str:
    """Return the file name of a text in the output folder, without .gz."""
    return f"{corpus.split}.{corpus.name}.{language}"


def finished(corpus: Corpus, language: str, folder: Path, pulse: Pulse) -> Text:
    """Verify the checksum of a text, convert it to plain text, and count its lines."""
    path = folder / name_of(corpus, language)
    if checksum := corpus.checksums.get(language):
        archives.check_sum(path, checksum)
    if corpus.format == "sgm":
        archives.from_sgm(path, path)
    if is_gzip(path):
        path = path.rename(path.with_name(f"{path.name}.gz"))
    count = archives.count_lines(path, pulse)
    print(
        f"{corpus.name}: {count:,} lines of {language}\n", end="", flush=True
    )  # one write, because other threads print too
    return Text(path.name, count)


def copy(path: Path, out: Path) -> None:
    """Copy a file."""
    with naming(out):
        shutil.copyfile(path, out)


def chosen(settings: Download, offered: tuple[str, ...]) -> tuple[str, str]:
    """Return the source and target language.

    Raises:
        UserError: the text is not offered in one of them.
    """
    wanted = (settings.source_language, settings.target_language)
    for side, language in zip(SIDES, wanted, strict=True):
        check(
            language in offered,
            f"download.{side}_language: found {language}; expected one of {', '.join(offered)} for {settings.source}",
        )
    return wanted


MADE_HERE: dict[str, Callable[[Download, Path], Splits]] = {"demo": generated, "files": copied}
"""Functions that write the texts that are not downloaded, by the value of `download.source`."""
assert tuple(MADE_HERE) == catalog.MADE_HERE


if __name__ == "__main__":
    program.program(main)
