"""Prepare parallel text in the customary way: sacremoses for each line, text files, a plain-Python vocabulary.

    python -m bench.customary --raw data/raw --out customary --workers 2

The program uses as many processes as the pipeline, and does less: it does not look for held-out pairs, copies, long
words or other languages, and does not count dropped pairs.
"""

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from multiprocessing import Pool
from pathlib import Path

from sacremoses import MosesPunctNormalizer, MosesTokenizer

from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.raw import MANIFEST, Manifest
from s2s.text.lines import open_bytes

LANGUAGES = ("en", "fr")
MAX_WORDS, MAX_RATIO = 100, 3.0
VOCABULARY = {"en": 160_000, "fr": 80_000}
UNKNOWN, END, SPECIAL = 1, 2, 3  # two ids, and the number of special ids
CHUNK_PAIRS = 1_000  # sent to a process at once
NORMALIZERS = {language: MosesPunctNormalizer(language, post_remove_control_chars=True) for language in LANGUAGES}
TOKENIZERS = {language: MosesTokenizer(language) for language in LANGUAGES}

Pair = tuple[str, str]


def main(raw: Path, out: Path, workers: int = 2, share: float = 1.0) -> None:
    """Clean training text, learn vocabularies and write ids.

    Args:
        raw: folder of raw text, written by the download stage.
        out: folder to write.
        workers: number of processes.
        share: first part of each corpus, 0 to 1.
    """
    out.mkdir()
    with Pool(workers) as pool:
        seen: set[Pair] = set()
        with (
            (out / "train.en").open("w", encoding="utf-8") as source,
            (out / "train.fr").open("w", encoding="utf-8") as target,
        ):
            for pair in pool.imap(clean, pairs(raw, share), CHUNK_PAIRS):
                if pair and pair not in seen:
                    seen.add(pair)
                    source.write(pair[0] + "\n")
                    target.write(pair[1] + "\n")
        seen.clear()
        pool.map(index, [out / f"train.{language}" for language in LANGUAGES], 1)
        pool.close()
        pool.join()  # the end of the block would kill workers; one killed while it holds a lock blocks the other


def pairs(raw: Path, share: float) -> Iterator[tuple[bytes, bytes]]:
    """Yield the raw lines of the training corpora in pairs."""
    for corpus in records.read(Manifest, raw / MANIFEST).splits["train"]:
        with open_bytes(raw / corpus.source) as source, open_bytes(raw / corpus.target) as target:
            yield from islice(zip(source, target, strict=True), round(corpus.pairs * share))


def clean(pair: tuple[bytes, bytes]) -> Pair | None:
    """Return both sides as tokens, None if the pair is empty, too long or of too unequal lengths."""
    sides = []
    for line, language in zip(pair, LANGUAGES, strict=True):
        text = unicodedata.normalize("NFC", line.decode("utf-8", "replace").strip())
        text = NORMALIZERS[language].normalize(text)
        sides.append(TOKENIZERS[language].tokenize(text, return_str=True, escape=False))
    short, long = sorted(len(side.split()) for side in sides)
    return (sides[0], sides[1]) if short and long <= min(MAX_WORDS, short * MAX_RATIO) else None


def index(path: Path) -> None:
    """Count the words of a text, keep the most frequent ones, and write the text as ids."""
    counts: Counter[str] = Counter()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            counts.update(line.split())
    kept = counts.most_common(VOCABULARY[path.suffix[1:]] - SPECIAL)
    ids = {word: number for number, (word, _) in enumerate(kept, start=SPECIAL)}
    offsets = array("q", [0])
    with path.open(encoding="utf-8") as lines, path.with_suffix(f"{path.suffix}.ids").open("wb") as out:
        for line in lines:
            numbers = array("i", [*(ids.get(word, UNKNOWN) for word in line.split()), END])
            numbers.tofile(out)
            offsets.append(offsets[-1] + len(numbers))
    path.with_suffix(f"{path.suffix}.offsets").write_bytes(offsets.tobytes())


if __name__ == "__main__":
    program.program(main)
