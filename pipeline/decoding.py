"""Load the models, the settings and the text that search and scoring stages decode with."""

from pathlib import Path

import torch

from pipeline.parameters.sections import Translate
from pipeline.schemas.data.encoded import check_vocabularies
from pipeline.schemas.data.pairs import read_column, text_column
from pipeline.schemas.data.translated import Member, Members
from s2s.errors import check
from s2s.files import verify
from s2s.inference.search import SearchSettings
from s2s.inference.translator import Sentence, Translator
from s2s.model.folder import WEIGHTS, Description
from s2s.text.vocabulary import Vocabulary

LEXICON = "what the lexicon stage writes"


def search_settings(settings: Translate, beam: int) -> SearchSettings:
    """Return the library's search settings for the parameters of a run."""
    same = set(SearchSettings.__annotations__) & set(Translate.model_fields)
    return SearchSettings(beam=beam, mean=settings.ensemble_mean, **settings.model_dump(include=same))


def load_translator(run: Members, device: torch.device, replaces_unknown: bool = False) -> Translator:
    """Load the models of a run, spread over all GPUs if `device` is "cuda".

    Args:
        run: what the members stage wrote.
        device: where the models compute.
        replaces_unknown: load the run's lexicon too, if it has one.

    Raises:
        UserError: a file is not the one that the members stage named by its SHA-256.
    """
    for member in run.members:
        check_member(member)
        check_vocabularies(member.path, run.vocabularies)
    lexicon = run.lexicon if replaces_unknown else None
    if lexicon is not None:
        verify(lexicon.path, lexicon.sha256, LEXICON)
    folders = [member.path for member in run.members]
    return Translator.load(folders, str(device), None if lexicon is None else lexicon.path)


def check_member(member: Member) -> None:
    """Raise a UserError unless a model is the one that the members stage named.

    The weights themselves are read once, when they are loaded: `Translator.load` compares them with model.json.
    """
    path = member.path / WEIGHTS
    recorded = Description.read(member.path).weights_sha256 or verify(path, "", "what the train stage writes")
    check(
        recorded == member.sha256, f"{path}: found sha256 {recorded}; expected {member.sha256}, run the members stage"
    )


def read_sources(clean: Path, split: str, source: Vocabulary) -> list[list[int]]:
    """Return the token ids of the source sentences of a split of clean text, without </s>."""
    column = text_column("source", source.reads_tokens)
    return [source.encode(line) for line in read_column(clean / f"{split}.parquet", column)]


def read_sentences(clean: Path, split: str, source: Vocabulary) -> list[Sentence]:
    """Return the source sentences of a split of clean text, prepared for `Translator.translate_prepared`."""
    tokens = read_column(clean / f"{split}.parquet", "source_tokens")
    return [Sentence(*pair) for pair in zip(read_sources(clean, split, source), tokens, strict=True)]
