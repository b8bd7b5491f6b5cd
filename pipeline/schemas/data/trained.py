"""curves/ and reports/perplexity.json: learning curves, and perplexities on held-out text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from pipeline.schemas.data import records
from pipeline.schemas.data.records import EXACT


@dataclass(frozen=True)
class CurvePoint:
    """A row of curves/<model>.csv: an evaluation during training. Empty cells are NaN."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    epoch: Annotated[float, Field(ge=0, le=1e9)]
    update: int
    learning_rate: float
    train_perplexity: float
    """Per target token with </s>, since the evaluation before."""
    dev_perplexity: float
    gradient_norm: float
    """Before clipping, the mean since the evaluation before."""


CURVE_COLUMNS = tuple(records.field_names(CurvePoint))


@dataclass(frozen=True)
class Perplexity:
    """A model's perplexity on one split, in reports/perplexity.json."""

    __pydantic_config__ = EXACT
    perplexity: float
    """Per target token with </s>."""
    tokens: int
    """Target tokens with </s>."""
    unknown_share: float
    """The share of <unk> among them, 0 to 1."""


def read_curve(path: Path) -> dict[str, list[float]]:
    """Read a learning curve and return its columns by title; empty cells are NaN."""
    points = records.read_csv(CurvePoint, path)
    return {name: [float(getattr(point, name)) for point in points] for name in CURVE_COLUMNS}
