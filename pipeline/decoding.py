"""Load the models, the settings and the text that search and scoring stages decode with."""

from pathlib import Path

import torch

from pipeline.parameters.sections import Translate
from pipeline.schemas.data.encoded import check_vocabularies
from pipeline.schemas.data.pairs import read_column, text_column
from pipeline.schemas.data.translated import Members
from s2s.errors import check
from s2s.files import sha256
from s2s.inference.search import SearchSettings
from s2s.inference.translator import Sentence, Translator
from s2s.model.folder import WEIGHTS
from s2s.text.vocabulary import Vocabulary


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
    verify_members(run)
    for member in run.members:
        check_vocabularies(member.path, run.vocabularies)
    lexicon = run.lexicon if replaces_unknown else None
    if lexicon is not None:
        verify(lexicon.path, lexicon.sha256, "what the lexicon stage writes")
    folders = [member.path for member in run.members]
    return Translator.load(folders, str(device), None if lexicon is None else lexicon.path)


def verify_members(run: Members) -> None:
    """Raise a UserError unless the weights of all models are those that the members stage named."""
    for member in run.members:
        verify(member.path / WEIGHTS, member.sha256, "the model that the train stage wrote")


def verify(path: Path, digest: str, wanted: str) -> None:
    """Raise a UserError unless a file has the given SHA-256.

    Args:
        path: the file.
        digest: its SHA-256 as the members stage wrote it, in hexadecimal.
        wanted: a description of the file for the message if there is none.
    """
    check(path.is_file(), f"{path}: no such file; expected {wanted}")
    found = sha256(path)
    check(found == digest, f"{path}: found sha256 {found}; expected {digest}, run the members stage")


def read_sources(clean: Path, split: str, source: Vocabulary) -> list[list[int]]:
    """Return the token ids of the source sentences of a split of clean text, without </s>."""
    column = text_column("source", source.reads_tokens)
    return [source.encode(line) for line in read_column(clean / f"{split}.parquet", column)]


def read_sentences(clean: Path, split: str, source: Vocabulary) -> list[Sentence]:
    """Return the source sentences of a split of clean text, prepared for `Translator.translate_prepared`."""
    tokens = read_column(clean / f"{split}.parquet", "source_tokens")
    return [Sentence(*pair) for pair in zip(read_sources(clean, split, source), tokens, strict=True)]
