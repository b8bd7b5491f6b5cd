"""The corpora that can be downloaded, as sources.yaml lists them: where each file is, and what is in it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from pipeline.parameters import load
from s2s.errors import UserError, check

LISTED = Path(__file__).with_name("sources.yaml")
MADE_HERE = ("demo", "files")  # values of download.source that need no list
LANGUAGE = "{language}"  # stands for it in Corpus.texts

Checksum = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$")]
Language = Annotated[str, Field(pattern="^[a-z]{2}$")]
FileName = Annotated[str, Field(pattern=r"^\w[\w.+ -]*$")]


class Entry(BaseModel):
    """A part of sources.yaml; no other key may be there, and no value changes its type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Copy(Entry):
    """A file as one address has it. Another address may pack the same texts in another way, to other bytes."""

    address: str = Field(pattern=r"^https?://[^/?#]+/([^?#]*/)?\w[^/?#]*$")
    bytes: int | None = Field(default=None, gt=0)  # unknown
    checksum: Checksum

    @property
    def name(self) -> str:
        """What the file is called, in mirrors too."""
        return self.address.rpartition("/")[2]


class Corpus(Entry):
    """Texts that are translations of each other, line by line."""

    name: FileName
    split: Literal["train", "dev", "test"]
    archive: str | None = None  # the file that holds the texts, if they are packed
    texts: str | dict[Language, str]  # by language: files, or members of `archive`
    format: Literal["text", "sgm"] = "text"
    pairs: int | None = Field(default=None, gt=0)  # unknown
    checksums: dict[Language, Checksum] = Field(default_factory=dict)  # of some of the texts
    tokenized: bool = False

    def text(self, language: str) -> str:
        """The name of the text in one language."""
        return self.texts.replace(LANGUAGE, language) if isinstance(self.texts, str) else self.texts[language]


class Source(Entry):
    """A value of `download.source`."""

    languages: tuple[Language, ...] = Field(min_length=2, strict=False)
    files: dict[FileName, Annotated[tuple[Copy, ...], Field(min_length=1, strict=False)]]
    corpora: tuple[Corpus, ...] = Field(strict=False)

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """Refuses what is well formed and cannot be."""
        for message in self.contradictions():
            raise ValueError(message)
        return self

    def contradictions(self) -> Iterator[str]:
        """Entries that do not fit each other."""
        used = {one for corpus in self.corpora for one in self.files_of(corpus)}
        if unlisted := sorted(used - self.files.keys()):
            yield f"found a corpus of {unlisted[0]!r}; expected a name under files"
        if idle := sorted(self.files.keys() - used):
            yield f"found no corpus of file {idle[0]!r}; expected one, or not to list it"
        if missing := {"train", "dev", "test"} - {corpus.split for corpus in self.corpora}:
            yield f"found no corpus of split {min(missing)}; expected train, dev and test"
        ids = [(corpus.split, corpus.name) for corpus in self.corpora]
        if twice := [name for split, name in ids if ids.count((split, name)) > 1]:
            yield f"found corpus {twice[0]!r} twice in a split; expected different names"
        for corpus in self.corpora:
            if isinstance(corpus.texts, dict) and set(corpus.texts) != set(self.languages):
                yield f"found texts of {corpus.name!r} in {', '.join(corpus.texts)}; expected all languages"
            if isinstance(corpus.texts, str) and LANGUAGE not in corpus.texts:
                yield f"found texts {corpus.texts!r} of {corpus.name!r}; expected {LANGUAGE} in them"
        texts = [(corpus.archive, corpus.text(one)) for corpus in self.corpora for one in self.languages_of(corpus)]
        if shared := [text for archive, text in texts if texts.count((archive, text)) > 1]:
            yield f"found text {shared[0]!r} twice; expected each in one corpus and language"

    def languages_of(self, corpus: Corpus) -> Iterable[str]:
        """The languages that a corpus is listed in."""
        return corpus.texts if isinstance(corpus.texts, dict) else self.languages

    def files_of(self, corpus: Corpus) -> set[str]:
        """The names of the files that a corpus comes from."""
        return {corpus.archive} if corpus.archive else {corpus.text(one) for one in self.languages_of(corpus)}


def read(path: Path = LISTED) -> dict[str, Source]:
    """Reads and checks a list of sources.

    Raises:
        UserError: one line with place, found and wanted.
    """
    try:
        values = load(path.read_text(encoding="utf-8"), str(path))
        return TypeAdapter(dict[str, Source]).validate_python(values)
    except OSError as error:
        raise UserError(f"{path}: {str(error.strerror).lower()}; expected a list of sources") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise UserError(f"{path}: {describe(error)}") from None


def find(name: str, path: Path = LISTED) -> Source:
    """The source that `download.source` names. Raises UserError if it is not listed."""
    listed = read(path)
    names = ", ".join([*MADE_HERE, *listed])
    check(name in listed, f"download.source: found {name}; expected one of {names}")
    return listed[name]


def describe(error: ValidationError) -> str:
    """The first of pydantic's complaints, misspelt keys before what they leave missing: place, found, wanted."""
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"] if part not in ("str", "[key]"))
    match first["type"]:
        case "extra_forbidden":
            return f"unknown key {place}; the head of sources.yaml says which there are"
        case "missing":
            return f"missing key {place}; the head of sources.yaml says what is needed"
        case "value_error":
            return f"{place}: {first['msg'].removeprefix('Value error, ')}"
        case _:
            wanted = first["msg"].replace("Input should", "expected to").replace("String should", "expected to")
            return f"{place}: found {first['input']!r}; {wanted}"
