"""The catalog of corpora that can be downloaded, sources.yaml: the address of each file and the texts in it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from pipeline.parameters.yaml_reader import load, quoted, read_text, wanted
from s2s.errors import UserError, check, cut

LISTED = Path(__file__).with_name("sources.yaml")
MADE_HERE = ("demo", "files")  # values of download.source that need no list
LANGUAGE = "{language}"  # placeholder in Corpus.texts

Checksum = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$")]
Language = Annotated[str, Field(pattern="^[a-z]{2}$")]
FileName = Annotated[str, Field(pattern=r"^\w[\w.+ -]*$")]


class Entry(BaseModel):
    """A mapping of sources.yaml, without unknown keys and without conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Copy(Entry):
    """A file at one address. Another address may have the same texts in another archive, of other bytes."""

    address: str = Field(pattern=r"^https?://[^/?#]+/([^?#]*/)?\w[^/?#]*$")
    bytes: int | None = Field(default=None, gt=0)  # None: unknown
    checksum: Checksum

    @property
    def name(self) -> str:
        """The file name, which mirrors use too."""
        return self.address.rpartition("/")[2]


class Corpus(Entry):
    """Texts that are translations of each other, line by line."""

    name: FileName
    split: Literal["train", "dev", "test"]
    archive: str | None = None  # the file that holds the texts; None: they are files themselves
    texts: str | dict[Language, str]  # by language: files, or members of `archive`
    format: Literal["text", "sgm"] = "text"
    pairs: int | None = Field(default=None, gt=0)  # None: unknown
    checksums: dict[Language, Checksum] = Field(default_factory=dict)  # of some of the texts
    tokenized: bool = False

    def text(self, language: str) -> str:
        """Return the name of the text in one language."""
        return self.texts.replace(LANGUAGE, language) if isinstance(self.texts, str) else self.texts[language]


class Source(Entry):
    """A value of `download.source`."""

    languages: tuple[Language, ...] = Field(min_length=2, max_length=100, strict=False)
    files: dict[FileName, Annotated[tuple[Copy, ...], Field(min_length=1, strict=False)]]
    corpora: tuple[Corpus, ...] = Field(strict=False)

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """Raise a ValueError for entries that contradict each other."""
        for message in self.contradictions():
            raise ValueError(message)
        return self

    def contradictions(self) -> Iterator[str]:
        """Yield a message for each contradiction between entries."""
        used = {file for corpus in self.corpora for file in self.files_of(corpus)}
        if unlisted := sorted(used - self.files.keys()):
            yield f"found a corpus of {unlisted[0]!r}; expected a name under files"
        if idle := sorted(self.files.keys() - used):
            yield f"found no corpus of file {idle[0]!r}; expected one, or not to list it"
        if missing := {"train", "dev", "test"} - {corpus.split for corpus in self.corpora}:
            yield f"found no corpus of split {min(missing)}; expected train, dev and test"
        ids = [(corpus.split, corpus.name) for corpus in self.corpora]
        if twice := repeated(ids):
            yield f"found corpus {twice[1]!r} twice in a split; expected different names"
        for corpus in self.corpora:
            if isinstance(corpus.texts, dict) and set(corpus.texts) != set(self.languages):
                yield f"found texts of {corpus.name!r} in {', '.join(corpus.texts)}; expected all languages"
            if isinstance(corpus.texts, str) and LANGUAGE not in corpus.texts:
                yield f"found texts {corpus.texts!r} of {corpus.name!r}; expected {LANGUAGE} in them"
        texts = [(corpus.archive, corpus.text(code)) for corpus in self.corpora for code in self.languages_of(corpus)]
        if shared := repeated(texts):
            yield f"found text {shared[1]!r} twice; expected each in one corpus and language"

    def languages_of(self, corpus: Corpus) -> Iterable[str]:
        """Return the languages that a corpus is listed in."""
        return corpus.texts if isinstance(corpus.texts, dict) else self.languages

    def files_of(self, corpus: Corpus) -> set[str]:
        """Return the names of the files that hold a corpus."""
        return {corpus.archive} if corpus.archive else {corpus.text(code) for code in self.languages_of(corpus)}


def repeated(pairs: Iterable[tuple[str | None, str]]) -> tuple[str | None, str] | None:
    """Return the first pair that occurs more than once, or None."""
    return next((pair for pair, count in Counter(pairs).items() if count > 1), None)


def read(path: Path = LISTED) -> dict[str, Source]:
    """Read and check a catalog of sources.

    Raises:
        UserError: the file is absent, is not YAML, or has a wrong entry.
    """
    try:
        return TypeAdapter(dict[str, Source]).validate_python(load(read_text(path, "a list of sources"), str(path)))
    except ValidationError as error:
        raise UserError(f"{path}: {describe(error)}") from None


def find(name: str, path: Path = LISTED) -> Source:
    """Return the source that `download.source` names.

    Raises:
        UserError: the source is not listed.
    """
    listed = read(path)
    names = ", ".join([*MADE_HERE, *listed])
    check(name in listed, f"download.source: found {name}; expected one of {names}")
    return listed[name]


def describe(error: ValidationError) -> str:
    """Return pydantic's first error as place, found and wanted; misspelled keys come before the keys that they miss."""
    first = min(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
    place = cut(".".join(str(part) for part in first["loc"] if part not in ("str", "[key]")), 120)
    match first["type"]:
        case "extra_forbidden":
            return f"unknown key {place}; the head of sources.yaml says which there are"
        case "missing":
            return f"missing key {place}; the head of sources.yaml says what is needed"
        case "value_error":
            return f"{place}: {wanted(first['msg'])}"
        case _:
            return f"{place}: found {quoted(first['input'])}; {wanted(first['msg'])}"
