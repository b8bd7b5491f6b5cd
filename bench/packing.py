"""Archives in the form of WMT's.

The same texts give the same bytes.
"""

import gzip
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from pathlib import Path
from typing import BinaryIO, cast

from bench.registry import LANGUAGES, corpora
from pipeline.workers import mapped
from s2s import files

FAST = 1  # compression level
DOCUMENT = 20  # sentences of a test document
BYSTANDER = b"Das steht auch im Archiv.\nEs geht uns nichts an.\n"  # a text of another language in the archive


def text_path(folder: Path, number: int, language: str) -> Path:
    """Return the path of a text before it is packed."""
    return folder / f"{number}.{language}"


def pack_all(texts: Path, out: Path, workers: int) -> None:
    """Write the archives of the catalog from the texts at `text_path`."""
    (texts / "bystander").write_bytes(BYSTANDER)
    archives: dict[str, dict[str, Path]] = {}
    sides = [(number, side) for number in range(len(corpora())) for side in range(2)]
    for (number, side), path in zip(sides, mapped(partial(as_member, texts), sides, workers), strict=True):
        corpus = corpora()[number]
        members = archives.setdefault(corpus.archive or "", {})
        members[name := corpus.text(LANGUAGES[side])] = path
        if not name.endswith(".gz"):  # compressed texts have their own archive
            members[name.replace("fr-en", "de-en").replace(f".{LANGUAGES[side]}", ".de")] = texts / "bystander"
    list(mapped(partial(pack, out), archives.items(), workers))


def as_member(texts: Path, side: tuple[int, int]) -> Path:
    """Convert a text to its form in the archive.

    `side` is the corpus's index, and 0 for English or 1 for French.
    """
    corpus, language = corpora()[side[0]], LANGUAGES[side[1]]
    text = text_path(texts, side[0], language)
    if corpus.text(language).endswith(".gz"):
        with text.open("rb") as plain, plain_or_gzip(out := text.with_name(f"{text.name}.gz")) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
        text.unlink()
        return out
    if corpus.format == "sgm":
        files.write_text(text, sgm(text.read_text(encoding="utf-8").split("\n")[:-1], corpus.name, language))
    return text


def pack(out: Path, archive: tuple[str, Mapping[str, Path]]) -> None:
    """Write a .tar or .tgz, given by its name and its files by their names in it.

    Each folder has an entry.
    """
    name, members = archive
    with plain_or_gzip(out / name) as file, tarfile.open(fileobj=file, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for folder in sorted({Path(name).parent.as_posix() for name in members} - {"."}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, path in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            with path.open("rb") as content:
                tar.addfile(entry, content)


@contextmanager
def plain_or_gzip(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing, compressed if it is a .gz or .tgz, without a timestamp."""
    with path.open("wb") as file:
        if path.suffix in (".gz", ".tgz"):
            with gzip.GzipFile("", "wb", FAST, file, mtime=0) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield file


def sgm(lines: Sequence[str], set_name: str, language: str) -> str:
    """Return a test set in WMT's format, which is almost XML: documents, paragraphs, numbered segments."""
    kind = "srcset" if language == "en" else "refset"
    parts = [f'<{kind} setid="{set_name}" srclang="any" trglang="{language}">']
    for number, start in enumerate(range(0, len(lines), DOCUMENT)):
        parts.append(f'<doc sysid="ref" docid="{number}-news" genre="news" origlang="en">')
        parts.extend(segments(lines[start : start + DOCUMENT]))
        parts.append("</doc>")
    return "\n".join([*parts, f"</{kind}>", ""])


def segments(lines: Iterable[str]) -> Iterator[str]:
    """Yield a headline and a paragraph.

    Segments count from 1 in each document.
    """
    for number, line in enumerate(lines, start=1):
        if number <= 2:
            yield "<hl>" if number == 1 else "<p>"
        yield f'<seg id="{number}">{escape(line, quote=False)}</seg>'
        if number == 1:
            yield "</hl>"
    yield "</p>"
