"""Gets the text: generated, from the places that sources.py lists, or a person's own files."""

import shutil
from collections.abc import Callable
from pathlib import Path

from pipeline import schemas, stage, tracking, transfer
from pipeline.demo import corpus as demo
from pipeline.lines import is_gzip, pairs
from pipeline.parameters import Download, read
from pipeline.schemas import RawCorpus
from pipeline.sources import SOURCES
from s2s.errors import UserError, check
from s2s.files import whole, write_text

Splits = dict[str, list[RawCorpus]]


def main(out: Path) -> None:
    """Writes the raw text of `download.source` and a manifest of it, all or nothing.

    Args:
        out: folder to be written.
    """
    settings = read().download
    languages = (settings.source_language, settings.target_language)
    check(
        languages[0] != languages[1],
        f"download.target_language: found {languages[0]}, the source language; expected another",
    )
    with tracking.run() as run, whole(out) as folder:
        folder.mkdir()
        splits = GETTERS[settings.source](settings, folder)
        schemas.write(folder / schemas.MANIFEST, schemas.Manifest(settings.source, *languages, splits))
        run.metrics({"bytes": sum(path.stat().st_size for path in folder.iterdir())})


def generated(settings: Download, folder: Path) -> Splits:
    """Writes the corpus that the project makes itself."""
    languages = chosen(settings, ("en", "fr"))
    splits: Splits = {}
    for split, sentences in demo.generate(**settings.demo.model_dump()).items():
        texts = dict(zip(("en", "fr"), zip(*sentences, strict=True), strict=True))
        for language, text in texts.items():
            write_text(folder / f"{split}.{language}", "".join(f"{line}\n" for line in text))
        splits[split] = [RawCorpus("demo", *(f"{split}.{language}" for language in languages))]
    return splits


def fetched(settings: Download, folder: Path) -> Splits:
    """Downloads the files of a source that are text as they come."""
    source = SOURCES[settings.source]
    languages = chosen(settings, source.languages)
    check(
        not any(corpus.archive for corpus in source.corpora),
        f"download.source: found {settings.source}, whose archives this version lists and does not unpack yet; "
        "expected demo, multi30k or files",
    )
    places = transfer.mirrors(settings.mirrors)
    for file in source.files:
        place = transfer.fetch(file, folder / file.name, places, settings.timeout_seconds)
        print(f"{file.name}: from {place}", flush=True)
    splits: Splits = {split: [] for split in schemas.SPLITS}
    for corpus in source.corpora:
        splits[corpus.split].append(RawCorpus(corpus.name, *(corpus.texts[language] for language in languages)))
    return splits


def copied(settings: Download, folder: Path) -> Splits:
    """Copies a person's own files, once all of them are found to be good."""
    named = {
        split: [Path(getattr(settings.files, f"{split}_{side}")) for side in schemas.SIDES] for split in schemas.SPLITS
    }
    for split, (source, target) in named.items():
        check_texts(source, target, every_line=split != "train")
    splits: Splits = {}
    for split, paths in named.items():
        names = []
        for path, language in zip(paths, (settings.source_language, settings.target_language), strict=True):
            names.append(f"{split}.{language}{'.gz' if is_gzip(path) else ''}")
            shutil.copyfile(path, folder / names[-1])
        splits[split] = [RawCorpus("files", *names)]
    return splits


def check_texts(source: Path, target: Path, every_line: bool) -> None:
    """Refuses files that are no parallel text, or hold an empty line where `every_line` is to be scored."""
    for number, pair in enumerate(pairs(source, target), start=1):
        for path, line in zip((source, target), pair, strict=True):
            if every_line and not line.strip():
                raise UserError(f"{path} line {number}: found an empty line; expected text on every line to be scored")


def chosen(settings: Download, offered: tuple[str, ...]) -> tuple[str, str]:
    """The languages to translate from and to, if the source has them."""
    wanted = (settings.source_language, settings.target_language)
    for side, language in zip(schemas.SIDES, wanted, strict=True):
        check(
            language in offered,
            f"download.{side}_language: found {language}; expected one of {', '.join(offered)} for {settings.source}",
        )
    return wanted


GETTERS: dict[str, Callable[[Download, Path], Splits]] = {
    "demo": generated,
    "multi30k": fetched,
    "wmt14": fetched,
    "files": copied,
}

if __name__ == "__main__":
    stage.program(main)
