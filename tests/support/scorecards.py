"""A scorecard with at least one entry of each verdict, for tests of the report page."""

from typing import Any

from pipeline.schemas.reports.scorecard import Entry, Scorecard, Verdict


def entry(number: int, verdict: Verdict, **changes: Any) -> Entry:
    """Make an entry for a claim about BLEU, all of whose numbers differ."""
    values: dict[str, Any] = {
        "id": f"claim-{number}",
        "kind": "claim",
        "section": "3.6, Table 1",
        "statement": f"Claim {number} of <b>ensembles</b> & beams",
        "measure": "BLEU",
        "paper": [30.5901 + number, 33.2702 + number],
        "paper_difference": 2.6803 + number,
        "ours": [69.1234 + number, 73.2345 + number],
        "compared": ["single", "ensemble"],
        "difference": 4.1116 + number,
        "low": 3.0617 + number,
        "high": 5.1618 + number,
        "p_value": 0.0109 + number / 1e4,
        "verdict": verdict,
        "test": "paired bootstrap over test sentences: difference in BLEU above 0",
        "data": "test set of demo, en to fr",
        "sentences": 1000,
        "why": "",
    }
    return Entry(**values | changes)


NOTHING: dict[str, Any] = {"ours": [], "compared": [], "difference": None, "low": None, "high": None, "p_value": None}


def scorecard() -> Scorecard:
    """Make a scorecard with claims and a table cell, covering all verdicts and two measures."""
    shares = {"paper_difference": -0.1897, "difference": -0.1234, "low": -0.1345, "high": -0.1123}
    entries = [
        entry(1, "holds"),
        entry(2, "fails", measure="perplexity", **shares),
        entry(3, "undecided", why="it may be chance"),
        entry(4, "not run", why="params.yaml has no run of <i>5</i> reversed models", **NOTHING),
        entry(5, "undecided", kind="cell", section="Table 1", paper=[34.8112], paper_difference=None, **NOTHING),
    ]
    return Scorecard(entries, 0.05, 30, 1000)
