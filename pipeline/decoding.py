"""What the stages that search or score with the models of a run have in common: models, settings, text."""

from pathlib import Path

import torch

from pipeline.parameters import Translate
from pipeline.schemas.encoded import check_vocabularies
from pipeline.schemas.pairs import read_column, text_column
from pipeline.schemas.translated import Member, Members
from s2s import model, text, vocabulary
from s2s.data import SIDES
from s2s.ensemble import spread
from s2s.errors import check
from s2s.files import sha256
from s2s.model import Seq2Seq
from s2s.search import Hypothesis, SearchSettings
from s2s.vocabulary import Vocabulary


def search_settings(settings: Translate, beam: int) -> SearchSettings:
    """The library's settings out of those of a run."""
    same = set(SearchSettings.__annotations__) & set(Translate.model_fields)
    return SearchSettings(beam=beam, mean=settings.ensemble_mean, **settings.model_dump(include=same))


def load_members(run: Members, device: torch.device) -> tuple[list[Seq2Seq], dict[str, Vocabulary]]:
    """Loads the models of a run, on several GPUs in turn where there are several, and their vocabularies by side.

    Raises:
        UserError: they are not those that the members stage named, by content.
    """
    places = spread(str(device), len(run.members))
    models = [load_member(member, run, place) for member, place in zip(run.members, places, strict=True)]
    vocabularies = {side: vocabulary.load(run.members[0].path, side) for side in SIDES}
    for side, known in vocabularies.items():
        check(
            known.sha256 == run.vocabularies[side],
            f"{run.members[0].path}: found a {side} vocabulary of sha256 {known.sha256}; "
            f"expected {run.vocabularies[side]}, run the members stage",
        )
    return models, vocabularies


def load_member(member: Member, run: Members, device: str) -> Seq2Seq:
    """Loads one model of a run."""
    verify(member.path / model.WEIGHTS, member.sha256, "the model that the train stage wrote")
    check_vocabularies(member.path, run.vocabularies)
    return model.load(member.path, device)


def verify(path: Path, digest: str, wanted: str) -> None:
    """Refuses a file that is not what the members stage named by its SHA-256; `wanted` says in words what that is."""
    check(path.is_file(), f"{path}: no such file; expected {wanted}")
    found = sha256(path)
    check(found == digest, f"{path}: found sha256 {found}; expected {digest}, run the members stage")


def read_sources(clean: Path, split: str, source: Vocabulary) -> list[list[int]]:
    """The ids of the source sentences of a split of clean text."""
    column = text_column("source", source.reads_tokens)
    return [source.encode(line) for line in read_column(clean / f"{split}.parquet", column)]


def texts(hypothesis: Hypothesis, target: Vocabulary, language: str) -> tuple[str, str]:
    """A hypothesis as plain text and in Moses tokens."""
    said = target.text(hypothesis.ids)
    if target.reads_tokens:
        return text.detokenize(said, language), said
    return said, text.tokenize(said, language)
