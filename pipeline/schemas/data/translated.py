"""members/ and translations/: the models that a run translates with, and its translations of the test set."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.schemas.data import records
from pipeline.schemas.data.records import EXACT
from s2s.errors import check


@dataclass(frozen=True)
class Member:
    """A model of a run."""

    __pydantic_config__ = EXACT
    path: Path
    seed: int
    sha256: str


@dataclass(frozen=True)
class NamedFile:
    """A file and the checksum of its content."""

    __pydantic_config__ = EXACT
    path: Path
    sha256: str


@dataclass(frozen=True)
class Members:
    """members/<run>.json: the models, vocabularies and lexicon that a run translates with."""

    __pydantic_config__ = EXACT
    run: str
    system: str
    beam: int
    members: list[Member]
    vocabularies: dict[str, str]
    """By side the SHA-256 of the vocabulary, the same for all members."""
    lexicon: NamedFile | None
    """Replaces <unk>, if the run asks for that."""


@dataclass(frozen=True)
class Alternative:
    """A further translation of a test sentence, of a lower score than the best."""

    __pydantic_config__ = EXACT
    translation: str
    log_prob: float
    score: float


@dataclass(frozen=True)
class Translation:
    """A translation of a test sentence."""

    __pydantic_config__ = EXACT
    translation: str
    tokens: str
    log_prob: float
    unknown: int
    """The number of <unk> that the model generated, replaced or not."""
    n_best: list[Alternative] = field(default_factory=list)
    """The further translations of an n-best list, the best first."""


@dataclass(frozen=True, kw_only=True)
class NumberedTranslation(Translation):
    """A line of translations/<run>.jsonl."""

    id: int
    """The row of the test set, counted from 0."""


def write_translations(path: Path, translations: Iterable[Translation]) -> None:
    """Write translations in the order of the test set, one a line."""
    rows = enumerate(translations)
    records.write_lines(path, (NumberedTranslation(**vars(translation), id=row) for row, translation in rows))


def read_translations(path: Path, sentences: int) -> list[NumberedTranslation]:
    """Read the translations of all `sentences` of the test set.

    Raises:
        UserError: the file is absent, or holds fewer or more translations, or others.
    """
    rows = records.read_lines(NumberedTranslation, path)
    check(len(rows) == sentences, f"{path}: found {len(rows)} translations; expected {sentences}, one a test sentence")
    for number, row in enumerate(rows):
        check(row.id == number, f"{path} line {number + 1}: found id {row.id}; expected {number}")
    return rows
