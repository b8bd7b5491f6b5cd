"""The file reports/embeddings.json: where an encoder puts probe sentences, and how far their groups lie apart."""

from dataclasses import dataclass

from pipeline.schemas.embedded import Panel
from pipeline.schemas.records import EXACT


@dataclass(frozen=True)
class Separation:
    """How far the groups of a panel lie apart in the encoder's state; null where the sentences cannot tell."""

    __pydantic_config__ = EXACT
    groups: int
    silhouette: float | None
    """Mean silhouette of the sentences (Rousseeuw 1987), -1 to 1; above 0: nearer to their own group."""
    silhouette_p_value: float | None
    """The share of arrangements of the groups among the sentences that score as high."""
    accuracy: float | None
    """The share of sentences whose nearest other sentence is of their group, 0 to 1."""
    accuracy_chance: float | None
    """The mean of that over the same arrangements."""
    accuracy_p_value: float | None
    arrangements: int
    """How many were tried, the one that is there among them."""
    exact: bool
    """They were all that there are."""
    spread: float | None
    """Mean distance within groups over that between groups: 0 where all that a group shares is all that counts."""
    reordered: float | None
    """Mean distance of sentences of the same words in another order over that of all others; 0 for a bag of words."""


@dataclass(frozen=True)
class MeasuredPanel(Panel):
    """A panel with its numbers."""

    __pydantic_config__ = EXACT
    separation: Separation


@dataclass(frozen=True)
class MeasuredProbes:
    """All of the file."""

    __pydantic_config__ = EXACT
    model: str
    layer: int
    """Counted from 1, the one next to the words."""
    state: str
    """h or c."""
    panels: list[MeasuredPanel]
