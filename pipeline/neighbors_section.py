"""Values for the report page's section on test sentences with similar encoder states."""

from pathlib import Path
from typing import Any

from pipeline.close_sentences import CloseSentences
from pipeline.schemas import records


def content(reports: Path) -> dict[str, Any]:
    """Return all values of the section's template."""
    return {"close": records.read(CloseSentences, reports / "neighbors.json")}
