"""curves/ and reports/perplexity.json: how training went, and how well models predict."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.schemas import records
from pipeline.schemas.records import EXACT
from s2s.errors import check

# curves/<model>.csv
CURVE_COLUMNS = ("epoch", "update", "learning_rate", "train_perplexity", "dev_perplexity", "gradient_norm")


@dataclass(frozen=True)
class Perplexity:
    """One model and split in reports/perplexity.json; tokens are those of the target with </s>."""

    __pydantic_config__ = EXACT
    perplexity: float
    tokens: int
    unknown_share: float


def read_curve(path: Path) -> dict[str, list[float]]:
    """Reads the columns of a learning curve."""
    rows = [line.split(",") for line in records.content_of(path).decode().split("\n") if line]
    titles = ",".join(rows[0]) if rows else "nothing"
    check(titles == ",".join(CURVE_COLUMNS), f"{path}: found titles {titles}; expected {','.join(CURVE_COLUMNS)}")
    return {name: [float(row[column] or "nan") for row in rows[1:]] for column, name in enumerate(CURVE_COLUMNS)}
