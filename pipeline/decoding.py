"""What the stages that search or score with the models of a run have in common: models, settings, text."""

from collections.abc import Sequence
from pathlib import Path

import torch

from pipeline.parameters import Translate
from pipeline.schemas.encoded import check_vocabularies
from pipeline.schemas.pairs import read_column, text_column
from pipeline.schemas.translated import Member
from s2s import model, text
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


def load_members(members: Sequence[Member], vocabularies: dict[str, Vocabulary], device: torch.device) -> list[Seq2Seq]:
    """Loads the models of a run, on several GPUs in turn where there are several."""
    places = spread(str(device), len(members))
    return [load_member(member, vocabularies, place) for member, place in zip(members, places, strict=True)]


def load_member(member: Member, vocabularies: dict[str, Vocabulary], device: str) -> Seq2Seq:
    """Loads one model, if it is the one that was named and speaks the given vocabularies."""
    weights = member.path / model.WEIGHTS
    check(weights.is_file(), f"{weights}: no such file; expected the model that the train stage wrote")
    found = sha256(weights)
    check(found == member.sha256, f"{weights}: found sha256 {found}; expected {member.sha256}, run the members stage")
    check_vocabularies(member.path, {side: known.sha256 for side, known in vocabularies.items()})
    return model.load(member.path, device)


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
