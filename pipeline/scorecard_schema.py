"""reports/scorecard.json: what the paper says, what we found, and whether that decides it."""

from dataclasses import dataclass
from typing import Literal

from pipeline.schemas.records import EXACT

Verdict = Literal["holds", "fails", "undecided", "not run"]
VERDICTS: tuple[Verdict, ...] = ("holds", "fails", "undecided", "not run")
SCORECARD = "scorecard.json"


@dataclass(frozen=True)
class Entry:
    """One cell of a table of the paper, or one claim of its text."""

    __pydantic_config__ = EXACT
    id: str
    kind: Literal["cell", "claim"]
    section: str
    """Of the paper."""
    statement: str
    measure: Literal["BLEU", "perplexity", "states"]
    paper: list[float]
    """Its results, in the order of `compared`; none where it gives no number."""
    paper_difference: float | None
    ours: list[float]
    compared: list[str]
    """What our results are of, in the order of `ours`."""
    difference: float | None
    """Of BLEU in points, of perplexities as a share of the first. Of a cell: ours less the paper's."""
    low: float | None
    """Of the 95 % interval of the difference."""
    high: float | None
    p_value: float | None
    verdict: Verdict
    test: str
    """What decided, or would."""
    data: str
    """On which text."""
    sentences: int
    why: str
    """Why nothing is decided, or was run."""


@dataclass(frozen=True)
class Scorecard:
    """The whole file."""

    __pydantic_config__ = EXACT
    entries: list[Entry]
    alpha: float
    """A p-value below it, and an interval that agrees, decide."""
    fewest: int
    """Test sentences that it takes to decide anything."""
    samples: int
    """Of the bootstrap."""
