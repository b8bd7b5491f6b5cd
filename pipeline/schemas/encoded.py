"""Text as numbers: data/encoded/<vocabulary>, and by which vocabularies text and models were made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.schemas import records
from pipeline.schemas.pairs import SIDES
from pipeline.schemas.records import EXACT
from s2s.errors import check


@dataclass(frozen=True)
class EncodedSplit:
    """Numbers of one split of encoded text; tokens are counted without </s>."""

    __pydantic_config__ = EXACT
    pairs: int
    source_tokens: int
    target_tokens: int
    source_unknown: int
    target_unknown: int


@dataclass(frozen=True)
class Encoded:
    """data/encoded/<vocabulary>/encoded.json: by which vocabularies text became numbers, and how many."""

    __pydantic_config__ = EXACT
    source_vocabulary_sha256: str
    target_vocabulary_sha256: str
    splits: dict[str, EncodedSplit]


ENCODED = "encoded.json"
MODEL = "model.json"


def vocabularies_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of the vocabularies, by side, that encoded text or a model was made with."""
    description = folder / (ENCODED if (folder / ENCODED).exists() else MODEL)
    values = records.parse(dict[str, Any], records.content_of(description), str(description))
    keys = {side: f"{side}_vocabulary_sha256" for side in SIDES}
    for key in keys.values():
        check(key in values, f"{description}: found no {key}; expected what the stage before writes")
    return {side: values[key] for side, key in keys.items()}


def check_vocabularies(folder: Path, wanted: Mapping[str, str]) -> None:
    """Refuses encoded text or a model that was made with other vocabularies than the `wanted` ones."""
    for side, found in vocabularies_of(folder).items():
        check(
            found == wanted[side],
            f"{folder}: found a {side} vocabulary of sha256 {found[:12]}; expected {wanted[side][:12]}, "
            "the same for encoded text, models and vocab",
        )
