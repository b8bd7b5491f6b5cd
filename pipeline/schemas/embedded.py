"""reports/embeddings.json: sentence embeddings projected to two dimensions."""

from dataclasses import dataclass

from pipeline.schemas.records import EXACT


@dataclass(frozen=True)
class EmbeddedSentence:
    """A probe sentence and its coordinates in the plane of its panel."""

    __pydantic_config__ = EXACT
    group: str
    sentence: str
    x: float
    y: float


@dataclass(frozen=True)
class Panel:
    """Sentences that share a plane, and the share of the variance along each of its two axes, 0 to 1."""

    __pydantic_config__ = EXACT
    panel: str
    explained_variance: tuple[float, float]
    sentences: list[EmbeddedSentence]
