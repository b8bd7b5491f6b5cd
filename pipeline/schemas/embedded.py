"""reports/embeddings.json: probe sentences in a plane."""

from dataclasses import dataclass

from pipeline.schemas.records import EXACT


@dataclass(frozen=True)
class EmbeddedSentence:
    """A probe sentence in reports/embeddings.json, with its place in the plane of its panel."""

    __pydantic_config__ = EXACT
    group: str
    sentence: str
    x: float
    y: float


@dataclass(frozen=True)
class Panel:
    """Sentences of reports/embeddings.json that share a plane, and the variance along its two directions, 0 to 1."""

    __pydantic_config__ = EXACT
    panel: str
    explained_variance: tuple[float, float]
    sentences: list[EmbeddedSentence]
