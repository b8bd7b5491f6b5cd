"""data/raw: parallel text as it was downloaded."""

from dataclasses import dataclass

from pipeline.schemas.data.records import EXACT


@dataclass(frozen=True)
class RawCorpus:
    """Two files of data/raw that are translations of each other, line by line."""

    __pydantic_config__ = EXACT
    corpus: str
    source: str
    target: str
    pairs: int
    tokenized: bool = False
    """The text is in Moses tokens, with XML's special characters escaped."""


@dataclass(frozen=True)
class Manifest:
    """data/raw/manifest.json: the languages and the corpora of each split."""

    __pydantic_config__ = EXACT
    source: str
    source_language: str
    target_language: str
    splits: dict[str, list[RawCorpus]]


MANIFEST = "manifest.json"
