"""members/ and translations/: which models a run translates with, and what they say."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline.schemas import records
from pipeline.schemas.records import EXACT
from s2s import files
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
    """A file, known by its content."""

    __pydantic_config__ = EXACT
    path: Path
    sha256: str


@dataclass(frozen=True)
class Members:
    """members/<run>.json: all that a run translates with."""

    __pydantic_config__ = EXACT
    run: str
    system: str
    beam: int
    members: list[Member]
    vocabularies: dict[str, str]
    """The SHA-256 of those that all the models have, by side."""
    lexicon: NamedFile | None
    """What replaces <unk>, if the run wants that."""


@dataclass(frozen=True)
class Alternative:
    """A further translation of a test sentence, not as good by its score."""

    __pydantic_config__ = EXACT
    translation: str
    log_prob: float
    score: float


@dataclass(frozen=True)
class Translation:
    """A line of translations/<run>.jsonl, after its `id`: a test sentence in the target language."""

    __pydantic_config__ = EXACT
    translation: str
    tokens: str
    log_prob: float
    unknown: int
    """How many <unk> the model said, replaced or not."""
    n_best: list[Alternative] = field(default_factory=list)
    """Where more than one is kept: the others, the best first."""


@dataclass(frozen=True, kw_only=True)
class NumberedTranslation(Translation):
    """A whole line of translations/<run>.jsonl."""

    id: int


def write_translations(path: Path, translations: Iterable[Translation]) -> None:
    """Writes one translation a line, in the order of the test set."""
    files.write_json_lines(path, ({"id": number} | asdict(one) for number, one in enumerate(translations)))


def read_translations(path: Path, sentences: int) -> list[NumberedTranslation]:
    """Reads the translations of all `sentences` of the test set."""
    lines = records.content_of(path).split(b"\n")[:-1]
    check(
        len(lines) == sentences, f"{path}: found {len(lines)} translations; expected {sentences}, one a test sentence"
    )
    rows = [records.parse(NumberedTranslation, line, f"{path} line {number + 1}") for number, line in enumerate(lines)]
    for number, row in enumerate(rows):
        check(row.id == number, f"{path} line {number + 1}: found id {row.id}; expected {number}")
    return rows
