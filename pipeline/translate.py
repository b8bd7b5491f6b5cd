"""Translates the test set with the models of one run."""

from collections.abc import Sequence
from pathlib import Path

from pipeline import schemas, stage, tracking
from pipeline.parameters import read
from s2s import model, text, vocabulary
from s2s.data import SIDES
from s2s.device import prepare
from s2s.errors import check
from s2s.files import sha256
from s2s.model import Seq2Seq
from s2s.progress import Meter
from s2s.search import Hypothesis, beam_search
from s2s.vocabulary import UNK, Vocabulary


def main(run: str, members: Path, clean: Path, vocab: Path, out: Path) -> None:
    """Translates the test set by beam search.

    Args:
        run: one of `runs:` in params.yaml.
        members: the run's models, from the members stage.
        clean: folder of clean text, from the clean stage.
        vocab: folder of vocabularies, from the vocab stage.
        out: JSON Lines file to be written, one translation a line.
    """
    parameters = read()
    settings, language = parameters.translate, parameters.download.target_language
    device = prepare(settings.device, settings.threads)
    vocabularies = {side: vocabulary.load(vocab, side) for side in SIDES}
    models = [load_member(member, vocabularies, str(device)) for member in schemas.read_members(members)]
    source, target = vocabularies["source"], vocabularies["target"]
    column = "source_tokens" if source.reads_tokens else "source"
    sentences = [source.encode(line) for line in schemas.read_column(clean / "test.parquet", column)]
    with tracking.run() as tracked, Meter(f"translate {run}", len(sentences)) as meter:
        found: dict[int, Hypothesis] = {}
        for rows in batches(sentences, settings.batch_sentences):
            sources = [sentences[row] for row in rows]
            hypotheses = beam_search(models, sources, parameters.runs[run].beam, settings.max_length_ratio)
            found |= zip(rows, hypotheses, strict=True)
            meter.update(len(found), f"{len(found)} sentences")
        translations = [translation(found[row], target, language) for row in range(len(sentences))]
        schemas.write_translations(out, translations)
        tracked.metrics({"sentences": len(found), "log_prob": sum(one.log_prob for one in found.values())})


def load_member(member: schemas.Member, vocabularies: dict[str, Vocabulary], device: str) -> Seq2Seq:
    """Loads one model, if it is the one that was named and speaks the given vocabularies."""
    weights = member.path / model.WEIGHTS
    check(weights.is_file(), f"{weights}: no such file; expected the model that the train stage wrote")
    found = sha256(weights)
    check(found == member.sha256, f"{weights}: found sha256 {found}; expected {member.sha256}, run the members stage")
    schemas.check_vocabularies(member.path, {side: known.sha256 for side, known in vocabularies.items()})
    return model.load(member.path, device)


def batches(sentences: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """The numbers of the sentences to be decoded together, alike in length, the longest first."""
    order = sorted(range(len(sentences)), key=lambda row: -len(sentences[row]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def translation(hypothesis: Hypothesis, target: Vocabulary, language: str) -> schemas.Translation:
    """A hypothesis as text, both plain and in the tokens that the paper's BLEU counts."""
    said = target.text(hypothesis.ids)
    plain, tokens = (
        (text.detokenize(said, language), said) if target.reads_tokens else (said, text.tokenize(said, language))
    )
    return schemas.Translation(plain, tokens, hypothesis.log_prob, hypothesis.ids.count(UNK))


if __name__ == "__main__":
    stage.program(main)
