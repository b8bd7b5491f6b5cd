"""Real text, prepared by the pipeline's own stages, as our trainer reads it and as OpenNMT-py does."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import opennmt
from bench.footprint import run
from pipeline.decoding import texts
from pipeline.schemas.pairs import read_column
from s2s import files, vocabulary
from s2s.data import SIDES, EncodedCorpus, Side
from s2s.metrics import corpus_bleu
from s2s.search import Hypothesis
from s2s.vocabulary import EOS, Vocabulary

ROOT = Path(__file__).parent.parent
STAGES = (
    "download --out data/raw",
    "clean --raw data/raw --out data/clean --report reports/cleaning.json --table reports/cleaning.csv",
    "vocab --vocabulary base --clean data/clean --out data/vocab --report reports/vocab.json",
    "encode --clean data/clean --vocab data/vocab --out data/encoded --report reports/encoding.json",
)
SCORED = ("dev", "test")


@dataclass(frozen=True)
class Text:
    """The encoded text of a project folder, and what its ids mean."""

    project: Path
    language: str  # of the target
    source: Vocabulary
    target: Vocabulary

    def corpus(self, split: str) -> EncodedCorpus:
        """The pairs of a split."""
        return EncodedCorpus.open(self.project / "data" / "encoded", split)

    def bleu(self, split: str, translations: Sequence[Hypothesis]) -> float:
        """BLEU of plain text, by sacreBLEU's own tokens."""
        plain = [texts(one, self.target, self.language)[0] for one in translations]
        references = read_column(self.project / "data" / "clean" / f"{split}.parquet", "target")
        return round(corpus_bleu(plain, references, tokenized=False, samples=1, seed=1).score, 2)


def prepare_text(project: Path, preset: Path, data: Path | None, language: str) -> Text:
    """Runs the stages that come before training in an empty folder."""
    shutil.copyfile(preset, project / "params.yaml")
    (project / "probes").symlink_to(ROOT / "probes")  # a preset names a file of it, which has to be there
    environment = {"PYTHONPATH": str(ROOT), "S2S_TRACKING": "off"}
    if data is not None:
        environment["S2S_MIRRORS"] = str(data.absolute())
    for command in STAGES:
        run([sys.executable, "-m", *f"pipeline.{command}".split()], project, environment)
    source, target = (vocabulary.load(project / "data" / "vocab", side) for side in SIDES)
    return Text(project, language, source, target)


def write_peer_text(text: Text, reverse_source: bool) -> None:
    """Writes what OpenNMT-py reads: subwords joined by spaces, sources in the order in which our model reads them."""
    for side, known in zip(SIDES, (text.source, text.target), strict=True):
        opennmt.write_vocabulary(text.project / f"{side}.vocab", known.names())
    for split in ("train", *SCORED):
        corpus = text.corpus(split)
        head = "" if split == "train" else f"{split}."
        write_lines(text.project / f"{head}source.txt", corpus.source, text.source, reverse_source)
        write_lines(text.project / f"{head}target.txt", corpus.target, text.target, False)


def write_lines(path: Path, sentences: Side, known: Vocabulary, reverse: bool) -> None:
    """Writes sentences as tokens."""
    names, lines = known.names(), []
    for pair in range(len(sentences.offsets) - 1):
        ids = [number for number in sentences[pair].tolist() if number != EOS]
        lines.append(" ".join(names[number] for number in (ids[::-1] if reverse else ids)))
    files.write_text(path, "".join(f"{line}\n" for line in lines))
