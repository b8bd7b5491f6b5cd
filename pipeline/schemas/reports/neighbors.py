"""Format of reports/neighbors.json: test sentences with similar encoder states."""

from dataclasses import dataclass

from pipeline.schemas.data.records import EXACT


@dataclass(frozen=True)
class Neighbor:
    """A test sentence near to another one."""

    __pydantic_config__ = EXACT
    id: int
    source: str
    similarity: float
    """The cosine of the two states, -1 to 1."""


@dataclass(frozen=True)
class Neighborhood:
    """A test sentence and its nearest neighbors, the nearest first, without repeated texts."""

    __pydantic_config__ = EXACT
    id: int
    source: str
    tokens: int
    """Tokens of the source, without </s>."""
    nearest: list[Neighbor]


@dataclass(frozen=True)
class CloseSentences:
    """The content of the file."""

    __pydantic_config__ = EXACT
    model: str
    layer: int
    """Counted from 1, the layer next to the words."""
    state: str
    """h or c."""
    sentences: list[Neighborhood]
    """From short to long."""
