"""Real text, prepared by the stages of the pipeline, for our trainer and for OpenNMT-py."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import opennmt
from bench.project import STAGES, run_module
from pipeline.schemas.data.pairs import read_column
from s2s import files
from s2s.data.corpus import SIDES, EncodedCorpus, Side
from s2s.evaluation.metrics import corpus_bleu
from s2s.inference.search import Hypothesis
from s2s.text import vocabulary
from s2s.text.tokenizer import detokenize
from s2s.text.vocabulary import EOS, Vocabulary

SCORED = ("dev", "test")


@dataclass(frozen=True)
class Text:
    """The encoded text of a project folder, with its vocabularies."""

    project: Path
    language: str  # the target's
    source: Vocabulary
    target: Vocabulary

    def corpus(self, split: str) -> EncodedCorpus:
        """Open the pairs of a split."""
        return EncodedCorpus.open(self.project / "data" / "encoded", split)

    def bleu(self, split: str, translations: Sequence[Hypothesis]) -> float:
        """Return the BLEU of plain text, by sacreBLEU's own tokenization."""
        lines = [self.target.text(translation.ids) for translation in translations]
        plain = [detokenize(line, self.language) if self.target.reads_tokens else line for line in lines]
        references = read_column(self.project / "data" / "clean" / f"{split}.parquet", "reference")
        return round(corpus_bleu(plain, references, tokenized=False, samples=1, seed=1).score, 2)


def prepare_text(project: Path, data: Path | None, language: str) -> Text:
    """Run all stages before training in a folder with a params.yaml and linked inputs."""

    for line in STAGES.values():
        run_module(line, project, mirrors=str(data.absolute()) if data else None)
    source, target = (vocabulary.load(project / "data" / "vocab", side) for side in SIDES)
    return Text(project, language, source, target)


def write_peer_text(text: Text, reverse_source: bool) -> None:
    """Write the text for OpenNMT-py: subwords separated by spaces, sources reversed if our model reverses them."""
    for side, learned in zip(SIDES, (text.source, text.target), strict=True):
        opennmt.write_vocabulary(text.project / f"{side}.vocab", learned.names())
    for split in ("train", *SCORED):
        corpus = text.corpus(split)
        prefix = "" if split == "train" else f"{split}."
        write_lines(text.project / f"{prefix}source.txt", corpus.source, text.source, reverse_source)
        write_lines(text.project / f"{prefix}target.txt", corpus.target, text.target, False)


def write_lines(path: Path, sentences: Side, vocabulary: Vocabulary, reverse: bool) -> None:
    """Write sentences as tokens separated by spaces, one a line."""
    names, lines = vocabulary.names(), []
    for pair in range(len(sentences.offsets) - 1):
        ids = [number for number in sentences[pair].tolist() if number != EOS]
        lines.append(" ".join(names[number] for number in (ids[::-1] if reverse else ids)))
    files.write_text(path, "".join(f"{line}\n" for line in lines))
