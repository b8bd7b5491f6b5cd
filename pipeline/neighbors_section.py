"""What the report page says of test sentences that the encoder puts close to each other."""

from pathlib import Path
from typing import Any

from pipeline.close_sentences import CloseSentences
from pipeline.schemas import records


def content(reports: Path) -> dict[str, Any]:
    """All that the template of the section needs."""
    return {"close": records.read(CloseSentences, reports / "neighbors.json")}
