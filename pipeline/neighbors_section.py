"""What the report page says of test sentences that the encoder puts close to each other."""

from pathlib import Path
from typing import Any

from pipeline import schemas
from pipeline.close_sentences import CloseSentences


def content(reports: Path) -> dict[str, Any]:
    """All that the template of the section needs."""
    return {"close": schemas.read(CloseSentences, reports / "neighbors.json")}
