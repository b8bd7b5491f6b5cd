"""Format of reports/scorecard.json: the paper's statements and numbers, ours, and a verdict for each."""

from dataclasses import dataclass
from typing import Literal

from pipeline.schemas.data.records import EXACT

Verdict = Literal["holds", "fails", "undecided", "not run"]
VERDICTS: tuple[Verdict, ...] = ("holds", "fails", "undecided", "not run")
SCORECARD = "scorecard.json"


@dataclass(frozen=True)
class Entry:
    """A cell of a table of the paper, or a claim of its text."""

    __pydantic_config__ = EXACT
    id: str
    kind: Literal["cell", "claim"]
    section: str
    """The section or table of the paper."""
    statement: str
    measure: Literal["BLEU", "perplexity", "states"]
    paper: list[float]
    """The paper's results, in the order of `compared`; empty where it gives no number."""
    paper_difference: float | None
    ours: list[float]
    compared: list[str]
    """Names of the runs, systems or rescorings that our results belong to, in the order of `ours`."""
    difference: float | None
    """In BLEU points, or relative to the first perplexity. For a cell: ours minus the paper's."""
    low: float | None
    """The lower end of the 95 % interval of the difference."""
    high: float | None
    """The upper end."""
    p_value: float | None
    verdict: Verdict
    test: str
    """The statistical test that decides the verdict."""
    data: str
    """The text that was translated or embedded."""
    sentences: int
    why: str
    """The reason for a verdict of "undecided" or "not run"."""


@dataclass(frozen=True)
class Scorecard:
    """The content of the file."""

    __pydantic_config__ = EXACT
    entries: list[Entry]
    alpha: float
    """The p-value below which a claim is decided, if the interval agrees."""
    fewest: int
    """The number of test sentences below which all claims stay undecided."""
    samples: int
    """The number of resampled test sets of the bootstrap."""
