"""The file reports/neighbors.json: which test sentences the encoder puts close to each other."""

from dataclasses import dataclass

from pipeline.schemas.records import EXACT


@dataclass(frozen=True)
class Neighbor:
    """A test sentence that lies close to another."""

    __pydantic_config__ = EXACT
    id: int
    source: str
    similarity: float
    """The cosine of both states, -1 to 1."""


@dataclass(frozen=True)
class Neighborhood:
    """A test sentence and those closest to it, the closest first; each text is there once."""

    __pydantic_config__ = EXACT
    id: int
    source: str
    tokens: int
    """Of the source, without </s>."""
    nearest: list[Neighbor]


@dataclass(frozen=True)
class CloseSentences:
    """All of the file."""

    __pydantic_config__ = EXACT
    model: str
    layer: int
    """Counted from 1, the one next to the words."""
    state: str
    """h or c."""
    sentences: list[Neighborhood]
    """From short to long."""
