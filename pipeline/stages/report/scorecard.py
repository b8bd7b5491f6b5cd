"""Values for the report page's section on the scorecard: the verdict and the numbers of each claim of the paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.parameters.parameters import Parameters
from pipeline.schemas.data import records
from pipeline.schemas.reports.scorecard import SCORECARD, VERDICTS, Entry, Scorecard, Verdict

SIGNS: dict[Verdict, str] = {"holds": "✓", "fails": "✗", "undecided": "?", "not run": "–"}
TITLES = {"claim": "Claims of the text", "cell": "Cells of the tables"}


@dataclass(frozen=True)
class Line:
    """An entry with the properties that the page needs."""

    entry: Entry

    @property
    def is_share(self) -> bool:
        """True if the difference is relative to the first result, False if it is in BLEU points."""
        return self.entry.measure == "perplexity"


def content(reports: Path, parameters: Parameters) -> dict[str, Any]:
    """Return all values of the section's template."""
    scorecard = records.read(Scorecard, reports / SCORECARD)
    lines = [Line(entry) for entry in scorecard.entries]
    return {
        "scorecard": scorecard,
        "scorecard_groups": {
            title: [line for line in lines if line.entry.kind == kind] for kind, title in TITLES.items()
        },
        "scorecard_counts": {verdict: count(scorecard.entries, verdict) for verdict in VERDICTS},
        "scorecard_signs": SIGNS,
        "scorecard_source": parameters.download.source,
    }


def count(entries: Sequence[Entry], verdict: Verdict) -> int:
    """Count the claims with a verdict, without the cells, which repeat what claims are about."""
    return sum(entry.verdict == verdict for entry in entries if entry.kind == "claim")
