"""Format of reports/embeddings.json: encoder states of probe sentences in a plane, and their groups' separation."""

from dataclasses import dataclass

from pipeline.schemas.data.records import EXACT


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


@dataclass(frozen=True)
class Separation:
    """Measures of the separation of a panel's groups; None where the sentences cannot decide."""

    __pydantic_config__ = EXACT
    groups: int
    silhouette: float | None
    """Mean silhouette of the sentences (Rousseeuw 1987), -1 to 1; above 0 if they are nearer to their own group."""
    silhouette_p_value: float | None
    """The share of arrangements of the groups among the sentences that score at least as high."""
    accuracy: float | None
    """The share of sentences whose nearest other sentence is in their group, 0 to 1."""
    accuracy_chance: float | None
    """The mean accuracy over the same arrangements."""
    accuracy_p_value: float | None
    arrangements: int
    """The number of arrangements tried, with the actual one."""
    exact: bool
    """Whether all possible arrangements were tried."""
    spread: float | None
    """Mean distance within groups divided by that between groups; 0 if states depend only on the group."""
    reordered: float | None
    """Mean distance of sentences with the same words in another order, divided by that of all other pairs; 0 for a bag
    of words."""


@dataclass(frozen=True)
class MeasuredPanel(Panel):
    """A panel with the separation of its groups."""

    __pydantic_config__ = EXACT
    separation: Separation


@dataclass(frozen=True)
class MeasuredProbes:
    """The content of the file."""

    __pydantic_config__ = EXACT
    model: str
    layer: int
    """Counted from 1, the layer next to the words."""
    state: str
    """h or c."""
    panels: list[MeasuredPanel]
