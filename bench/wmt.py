"""Generates archives as those of WMT'14 are, of any number of pairs, and says what is wrong in them.

The registry of the pipeline says which archives there are, what is in them, and how many pairs each corpus has.
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
from pipeline.sources import Corpus
from pipeline.workers import mapped
from s2s import files

BLOCK = 10_000  # pairs drawn together
FEWEST = 50  # pairs of a corpus
REPEATED = 5_000  # pairs are drawn of which the ordinary ones occur again and again in a corpus
EXPECTED = "expected.json"

HeldOut = tuple[tuple[int, int], ...]  # number of a corpus in the registry, and how many pairs it has


@dataclass
class Drawn:
    """What was drawn: of a block, or of all blocks of a corpus."""

    pairs: int = 0
    defects: Counter[str] = field(default_factory=Counter)
    repeated: set[int] = field(default_factory=set)  # which of the corpus's repeated pairs occur

    def add(self, other: "Drawn") -> None:
        """Adds a block."""
        self.pairs += other.pairs
        self.defects += other.defects
        self.repeated |= other.repeated

    def expected(self) -> dict[str, Any]:
        """The pairs with each defect, and how many each rule of the ledger takes, and each repair mends, for it."""
        dropped = {rule: self.defects[kind] for kind, rule in DROPPED_AS.items() if self.defects[kind]}
        if dropped:
            dropped["duplicate"] -= len(self.repeated)  # their first occurrence is none
        repaired = Counter[str]()
        for kind, repair in REPAIRED_AS.items():
            repaired[repair] += self.defects[kind]
        return {"pairs": self.pairs, "defects": self.defects, "dropped": dropped, "repaired": repaired}


@dataclass(frozen=True)
class Job:
    """A block of a training corpus, to be drawn."""

    seed: int
    number: int  # of the corpus in the registry
    block: int
    pairs: int
    held_out: HeldOut

    def draw(self) -> tuple[Drawn, list[bytes]]:
        """What was drawn, and the two texts."""
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
    """The folder of the archives and of `EXPECTED`; what is there is not made again."""
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
    """Eight letters that change with the code that decides the bytes."""
    names = ("defects", "packing", "registry", "sentences", "wmt", "words")
    code = b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in names)
    return hashlib.sha256(code + repr(corpora()).encode()).hexdigest()[:8]


def real_pairs(corpus: Corpus) -> int:
    """How many pairs the real corpus has."""
    assert corpus.pairs is not None, f"the registry does not say how many pairs {corpus.name} has"
    return corpus.pairs


def sizes_of(pairs: int) -> list[int]:
    """How many pairs each corpus of the registry has; those of the training corpora sum to `pairs`."""
    train = [number for number, corpus in enumerate(corpora()) if corpus.split == "train"]
    total = sum(real_pairs(corpora()[number]) for number in train)
    sizes = [min(real_pairs(corpus), max(FEWEST, pairs // 30)) for corpus in corpora()]  # as the held-out texts have
    for number in train:
        sizes[number] = max(FEWEST, round(pairs * real_pairs(corpora()[number]) / total))
    largest = max(train, key=sizes.__getitem__)
    sizes[largest] += pairs - sum(sizes[number] for number in train)
    return sizes


def write_texts(folder: Path, pairs: int, seed: int, workers: int) -> dict[str, dict[str, Any]]:
    """Writes the texts of all corpora, and returns what to expect of each corpus."""
    sizes = sizes_of(pairs)
    held_out = tuple((number, sizes[number]) for number, one in enumerate(corpora()) if one.split != "train")
    drawn = [Drawn() for _ in sizes]
    for number, count in held_out:
        drawn[number].pairs = count
        append(folder, number, texts_of(held_out_pairs(seed, ((number, count),))))
    for language in LANGUAGES:
        lexicon(language)  # before workers are forked
    jobs = list(blocks(seed, sizes, held_out))
    for job, (block, texts) in zip(jobs, mapped(Job.draw, jobs, workers), strict=True):
        drawn[job.number].add(block)
        append(folder, job.number, texts)
    return {corpus.name: one.expected() for corpus, one in zip(corpora(), drawn, strict=True)}


def blocks(seed: int, sizes: Sequence[int], held_out: HeldOut) -> Iterator[Job]:
    """The work of drawing the training corpora."""
    for number, corpus in enumerate(corpora()):
        if corpus.split == "train":
            for block, start in enumerate(range(0, sizes[number], BLOCK)):
                yield Job(seed, number, block, min(BLOCK, sizes[number] - start), held_out)


@cache
def held_out_pairs(seed: int, of: HeldOut) -> list[Pair]:
    """The development and test pairs, without the signs that SGM and its readers do not give back as they were."""
    plain = str.maketrans({"&": "+", "\u00a0": " "})
    found: list[Pair] = []
    for number, count in of:
        block = draw_block(np.random.default_rng((seed, number)), count)
        found.extend((source.translate(plain), target.translate(plain)) for source, target in block.pairs())
    return found


@cache
def repeated_pairs(seed: int, number: int) -> list[Pair]:
    """The pairs that occur again and again in a corpus."""
    block = draw_block(np.random.default_rng((seed, number)), REPEATED)
    return [block.pair(place) for place in np.flatnonzero(block.ordinary()).tolist()]


def texts_of(pairs: Iterable[Pair]) -> list[bytes]:
    """The two texts of some pairs."""
    sides = zip(*pairs, strict=True)
    return ["".join(f"{line}\n" for line in side).encode("utf-8", "surrogateescape") for side in sides]


def append(folder: Path, number: int, texts: Sequence[bytes]) -> None:
    """Adds to the texts of a corpus."""
    for language, content in zip(LANGUAGES, texts, strict=True):
        with text_path(folder, number, language).open("ab") as file:
            file.write(content)
