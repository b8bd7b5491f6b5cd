"""What the report page says of the scorecard: how many claims of the paper hold, and each with its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.parameters import Parameters
from pipeline.schemas import records
from pipeline.scorecard_schema import SCORECARD, VERDICTS, Entry, Scorecard, Verdict

SIGNS: dict[Verdict, str] = {"holds": "✓", "fails": "✗", "undecided": "?", "not run": "–"}
TITLES = {"claim": "What the text says", "cell": "The tables, cell by cell"}


@dataclass(frozen=True)
class Line:
    """An entry as the page shows it."""

    entry: Entry

    @property
    def is_share(self) -> bool:
        """Its difference is a share of the first result, not points of BLEU."""
        return self.entry.measure == "perplexity"


def content(reports: Path, parameters: Parameters) -> dict[str, Any]:
    """All that the template of the section needs."""
    scorecard = records.read(Scorecard, reports / SCORECARD)
    lines = [Line(one) for one in scorecard.entries]
    return {
        "scorecard": scorecard,
        "scorecard_groups": {title: [one for one in lines if one.entry.kind == kind] for kind, title in TITLES.items()},
        "scorecard_counts": {verdict: count(scorecard.entries, verdict) for verdict in VERDICTS},
        "scorecard_signs": SIGNS,
        "scorecard_source": parameters.download.source,
    }


def count(entries: Sequence[Entry], verdict: Verdict) -> int:
    """How many claims have a verdict; cells say the same again, so they are not counted."""
    return sum(one.verdict == verdict for one in entries if one.kind == "claim")
