"""data/encoded/<vocabulary>, and the vocabularies that encoded text and models were made with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import SIDES
from pipeline.schemas.data.records import EXACT
from s2s.errors import check


@dataclass(frozen=True)
class EncodedSplit:
    """Counts of one split of encoded text; tokens are counted without </s>."""

    __pydantic_config__ = EXACT
    pairs: int
    source_tokens: int
    target_tokens: int
    source_unknown: int
    target_unknown: int


@dataclass(frozen=True)
class Encoded:
    """data/encoded/<vocabulary>/encoded.json: the vocabularies that text was encoded with, and counts of each split."""

    __pydantic_config__ = EXACT
    source_vocabulary_sha256: str
    target_vocabulary_sha256: str
    splits: dict[str, EncodedSplit]


ENCODED = "encoded.json"
MODEL = "model.json"


def vocabularies_of(folder: Path) -> dict[str, str]:
    """Return by side the SHA-256 of the vocabulary that encoded text or a model was made with.

    Raises:
        UserError: the folder is neither encoded text nor a model.
    """
    description = folder / (ENCODED if (folder / ENCODED).exists() else MODEL)
    values = records.read(dict[str, Any], description)
    keys = {side: f"{side}_vocabulary_sha256" for side in SIDES}
    for key in keys.values():
        check(key in values, f"{description}: found no {key}; expected what the stage before writes")
    return {side: values[key] for side, key in keys.items()}


def check_vocabularies(folder: Path, wanted: Mapping[str, str]) -> None:
    """Refuse encoded text or a model whose vocabularies are not the `wanted` ones.

    Args:
        folder: encoded text or a model.
        wanted: by side the SHA-256 of the vocabulary.

    Raises:
        UserError: a vocabulary differs.
    """
    for side, digest in vocabularies_of(folder).items():
        check(
            digest == wanted[side],
            f"{folder}: found a {side} vocabulary of sha256 {digest[:12]}; expected {wanted[side][:12]}, "
            "the same for encoded text, models and vocab",
        )
