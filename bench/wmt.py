"""Generated archives like those of WMT'14, with any number of pairs and known defects.

The catalog of sources names the archives, their contents, and the real numbers of pairs.
"""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.defects import DROPPED_AS, REPAIRED_AS, Pair, Stock, how_many, plant, rates
from bench.packing import pack_all, text_path
from bench.registry import LANGUAGES, corpora
from bench.sentences import draw_block, lexicon
from pipeline.sources.catalog import Corpus
from pipeline.workers import mapped
from s2s import files

BLOCK = 10_000  # pairs drawn together
FEWEST = 50  # pairs of the smallest corpus
REPEATED = 5_000  # pairs of a corpus from which duplicates are taken
EXPECTED = "expected.json"

HeldOut = tuple[tuple[int, int], ...]  # index of a corpus in the catalog, and its number of pairs


@dataclass
class Drawn:
    """Counts of pairs and defects, of a block or of a corpus."""

    pairs: int = 0
    defects: Counter[str] = field(default_factory=Counter)
    repeated: set[int] = field(default_factory=set)  # indices of the repeated pairs that occur

    def add(self, other: "Drawn") -> None:
        """Add the counts of a block."""
        self.pairs += other.pairs
        self.defects += other.defects
        self.repeated |= other.repeated

    def expected(self) -> dict[str, Any]:
        """Return the pairs with each defect, the pairs that each rule of the ledger must drop, and the repairs."""
        dropped = {rule: self.defects[kind] for kind, rule in DROPPED_AS.items() if self.defects[kind]}
        if dropped:
            dropped["duplicate"] -= len(self.repeated)  # the first occurrence is not a duplicate
        repaired = Counter[str]()
        for kind, repair in REPAIRED_AS.items():
            repaired[repair] += self.defects[kind]
        return {"pairs": self.pairs, "defects": self.defects, "dropped": dropped, "repaired": repaired}


@dataclass(frozen=True)
class Job:
    """A block of a training corpus to generate."""

    seed: int
    number: int  # index of the corpus in the catalog
    block: int
    pairs: int
    held_out: HeldOut

    def draw(self) -> tuple[Drawn, list[bytes]]:
        """Generate the block, and return its counts and both texts."""
        draw = np.random.default_rng((self.seed, self.number, self.block))
        wanted = how_many(draw, rates(corpora()[self.number].name), self.pairs, first=self.block == 0)
        shifted = wanted.pop("misaligned", 0)
        shifted = max(2, shifted) if shifted else 0
        block = draw_block(draw, self.pairs, shifted)
        stock = Stock(held_out_pairs(self.seed, self.held_out), repeated_pairs(self.seed, self.number))
        defects, repeated = plant(draw, block, wanted, stock, spared=shifted)
        drawn = Drawn(self.pairs, defects + Counter(misaligned=shifted), repeated)
        return drawn, texts_of(zip(block.sources, block.targets, strict=True))


def generate(folder: Path, pairs: int, seed: int, workers: int) -> Path:
    """Return a folder with the archives and `EXPECTED`, generated unless it exists."""
    out = folder / f"wmt-{pairs}-{seed}-{fingerprint()}"
    if not out.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with files.whole(out) as part, tempfile.TemporaryDirectory(dir=folder) as texts:
            part.mkdir()
            expected = write_texts(Path(texts), pairs, seed, workers)
            pack_all(Path(texts), part, workers)
            packed = {
                path.name: {"bytes": path.stat().st_size, "sha256": files.sha256(path)}
                for path in sorted(part.iterdir())
            }
            files.write_json(part / EXPECTED, {"seed": seed, "corpora": expected, "files": packed})
    return out


def fingerprint() -> str:
    """Return eight hexadecimal digits of a digest over the code that decides the archives' bytes."""
    names = ("defects", "packing", "registry", "sentences", "wmt", "words")
    code = b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in names)
    return hashlib.sha256(code + repr(corpora()).encode()).hexdigest()[:8]


def real_pairs(corpus: Corpus) -> int:
    """Return the number of pairs of the real corpus."""
    assert corpus.pairs is not None, f"the catalog has no number of pairs for {corpus.name}"
    return corpus.pairs


def sizes_of(pairs: int) -> list[int]:
    """Return the number of pairs of each corpus of the catalog.

    Those of training sum to `pairs`.
    """
    train = [number for number, corpus in enumerate(corpora()) if corpus.split == "train"]
    total = sum(real_pairs(corpora()[number]) for number in train)
    sizes = [min(real_pairs(corpus), max(FEWEST, pairs // 30)) for corpus in corpora()]
    for number in train:
        sizes[number] = max(FEWEST, round(pairs * real_pairs(corpora()[number]) / total))
    largest = max(train, key=sizes.__getitem__)
    sizes[largest] += pairs - sum(sizes[number] for number in train)
    return sizes


def write_texts(folder: Path, pairs: int, seed: int, workers: int) -> dict[str, dict[str, Any]]:
    """Write the texts of all corpora, and return the expected ledger of each."""
    sizes = sizes_of(pairs)
    held_out = tuple((number, sizes[number]) for number, corpus in enumerate(corpora()) if corpus.split != "train")
    drawn = [Drawn() for _ in sizes]
    for number, count in held_out:
        drawn[number].pairs = count
        append(folder, number, texts_of(held_out_pairs(seed, ((number, count),))))
    for language in LANGUAGES:
        lexicon(language)  # cached before workers are forked
    jobs = list(blocks(seed, sizes, held_out))
    for job, (block, texts) in zip(jobs, mapped(Job.draw, jobs, workers), strict=True):
        drawn[job.number].add(block)
        append(folder, job.number, texts)
    return {corpus.name: counts.expected() for corpus, counts in zip(corpora(), drawn, strict=True)}


def blocks(seed: int, sizes: Sequence[int], held_out: HeldOut) -> Iterator[Job]:
    """Yield the blocks of all training corpora."""
    for number, corpus in enumerate(corpora()):
        if corpus.split == "train":
            for block, start in enumerate(range(0, sizes[number], BLOCK)):
                yield Job(seed, number, block, min(BLOCK, sizes[number] - start), held_out)


@cache
def held_out_pairs(seed: int, sizes: HeldOut) -> list[Pair]:
    """Return the development and test pairs, without the characters that do not survive SGM."""
    plain = str.maketrans({"&": "+", "\u00a0": " "})
    pairs: list[Pair] = []
    for number, count in sizes:
        block = draw_block(np.random.default_rng((seed, number)), count)
        pairs.extend((source.translate(plain), target.translate(plain)) for source, target in block.pairs())
    return pairs


@cache
def repeated_pairs(seed: int, number: int) -> list[Pair]:
    """Return the pairs from which duplicates of a corpus are taken."""
    block = draw_block(np.random.default_rng((seed, number)), REPEATED)
    return [block.pair(place) for place in np.flatnonzero(block.ordinary()).tolist()]


def texts_of(pairs: Iterable[Pair]) -> list[bytes]:
    """Return both texts of some pairs, encoded."""
    sides = zip(*pairs, strict=True)
    return ["".join(f"{line}\n" for line in side).encode("utf-8", "surrogateescape") for side in sides]


def append(folder: Path, number: int, texts: Sequence[bytes]) -> None:
    """Append to the texts of a corpus."""
    for language, content in zip(LANGUAGES, texts, strict=True):
        with text_path(folder, number, language).open("ab") as file:
            file.write(content)
