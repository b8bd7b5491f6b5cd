"""Translates the test set with the models of one run."""

from collections.abc import Sequence
from pathlib import Path

import torch

from pipeline import schemas, stage, tracking
from pipeline.parameters import Translate, read
from s2s import model, text, vocabulary
from s2s.data import SIDES
from s2s.device import prepare
from s2s.errors import check
from s2s.files import sha256
from s2s.model import Seq2Seq
from s2s.progress import Meter
from s2s.search import Hypothesis, SearchSettings, beam_search
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
    settings, language = parameters.run(run), parameters.download.target_language
    device = prepare(settings.device, settings.threads)
    vocabularies = {side: vocabulary.load(vocab, side) for side in SIDES}
    models = load_members(schemas.read_members(members), vocabularies, device)
    source, target = vocabularies["source"], vocabularies["target"]
    column = "source_tokens" if source.reads_tokens else "source"
    sentences = [source.encode(line) for line in schemas.read_column(clean / "test.parquet", column)]
    search = search_settings(settings, parameters.runs[run].beam)
    with tracking.run() as tracked, Meter(f"translate {run}", len(sentences)) as meter:
        found: dict[int, list[Hypothesis]] = {}
        for rows in batches(sentences, settings.batch_sentences):
            found |= zip(rows, beam_search(models, [sentences[row] for row in rows], search), strict=True)
            meter.update(len(found), f"{len(found)} sentences")
        schemas.write_translations(out, [translation(found[row], target, language) for row in range(len(sentences))])
        tracked.metrics({"sentences": len(found), "log_prob": sum(best.log_prob for best, *_ in found.values())})


def search_settings(settings: Translate, beam: int) -> SearchSettings:
    """The library's settings out of those of a run."""
    same = set(SearchSettings.__annotations__) & set(Translate.model_fields)
    return SearchSettings(beam=beam, mean=settings.ensemble_mean, **settings.model_dump(include=same))


def load_members(
    members: Sequence[schemas.Member], vocabularies: dict[str, Vocabulary], device: torch.device
) -> list[Seq2Seq]:
    """Loads the models of a run, on several GPUs in turn where there are several."""
    count = torch.cuda.device_count() if device.type == "cuda" else 0
    places = [f"cuda:{number % count}" if count else str(device) for number in range(len(members))]
    return [load_member(member, vocabularies, place) for member, place in zip(members, places, strict=True)]


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


def translation(hypotheses: Sequence[Hypothesis], target: Vocabulary, language: str) -> schemas.Translation:
    """The best hypothesis as text, both plain and in the tokens that the paper's BLEU counts, and the others plain."""
    best, *others = hypotheses
    plain, tokens = texts(best, target, language)
    rest = [schemas.Alternative(texts(one, target, language)[0], one.log_prob, one.score) for one in others]
    return schemas.Translation(plain, tokens, best.log_prob, best.ids.count(UNK), rest)


def texts(hypothesis: Hypothesis, target: Vocabulary, language: str) -> tuple[str, str]:
    """A hypothesis as plain text and in Moses tokens."""
    said = target.text(hypothesis.ids)
    if target.reads_tokens:
        return text.detokenize(said, language), said
    return said, text.tokenize(said, language)


if __name__ == "__main__":
    stage.program(main)
