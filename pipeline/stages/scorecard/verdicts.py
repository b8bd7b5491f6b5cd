"""The rule by which results decide a claim of the paper.

A claim states that a number lies above zero. It holds if the number's 95 % interval lies above zero and p is below
ALPHA, and fails if the interval lies below zero and p is below ALPHA. Otherwise it is undecided, as it is with fewer
than FEWEST sentences. For a claim of at most a small loss, the margin is added to the difference. A claim of a certain
size holds if the interval lies within the bounds of equivalence (two one-sided tests), and fails if it lies outside.
"""

from dataclasses import replace

from pipeline.schemas.reports.scorecard import Entry, Verdict
from pipeline.stages.scorecard.claims import Cell, Claim, LayerShare, LengthClaim, PerplexityClaim, ProbeClaim
from s2s.evaluation.contrast import FEWEST, Contrast, Estimate, rounded

ALPHA = 0.05
MEASURES = {PerplexityClaim: "perplexity", LayerShare: "perplexity", ProbeClaim: "states"}
Statement = Cell | Claim | PerplexityClaim | LayerShare | LengthClaim | ProbeClaim


def too_few(sentences: int) -> str:
    """Return why the test set is too small to decide a claim, or ""."""
    return f"{sentences} test sentences; it takes {FEWEST}" if sentences < FEWEST else ""


def decide(contrast: Contrast, sentences: int) -> tuple[Verdict, str]:
    """Return the verdict on a claim that a contrast lies above zero, and the reason if it is undecided."""
    if reason := too_few(sentences):
        return "undecided", reason
    if contrast.p_value < ALPHA and contrast.low > 0:
        return "holds", ""
    if contrast.p_value < ALPHA and contrast.high < 0:
        return "fails", ""
    return "undecided", "it may be chance"


def equivalent(change: Estimate, low: float, high: float, sentences: int) -> tuple[Contrast, Verdict, str]:
    """Test whether a change lies between two bounds, by one test for each bound.

    Returns:
        The contrast, whose p-value is that of the failed test or the larger of both; the verdict; and the reason if it
        is undecided.
    """
    bounds = (change + -low).contrast(), (-change + high).contrast()
    verdicts = [decide(bound, sentences) for bound in bounds]
    contrast = replace(change.contrast(), p_value=max(bound.p_value for bound in bounds))
    for bound, (verdict, reason) in zip(bounds, verdicts, strict=True):
        if verdict == "fails":
            return replace(contrast, p_value=bound.p_value), verdict, reason
    return contrast, *max(verdicts, key=lambda decided: decided[0] == "undecided")


def entry(statement: Statement, data: str, sentences: int, test: str) -> Entry:
    """Return an entry with the paper's statement, before our results are known."""
    return Entry(
        id=statement.id,
        kind="cell" if isinstance(statement, Cell) else "claim",
        section=statement.section,
        statement=statement.statement,
        measure=MEASURES.get(type(statement), "BLEU"),  # type: ignore[arg-type]
        paper=[],
        paper_difference=None,
        ours=[],
        compared=[],
        difference=None,
        low=None,
        high=None,
        p_value=None,
        verdict="not run",
        test=test,
        data=data,
        sentences=sentences,
        why="",
    )


def with_contrast(unjudged: Entry, contrast: Contrast, verdict: Verdict, why: str) -> Entry:
    """Return an entry with its contrast and verdict filled in."""
    low, high, p_value = rounded(contrast.low), rounded(contrast.high), rounded(contrast.p_value)
    difference = rounded(contrast.value)
    return replace(unjudged, difference=difference, low=low, high=high, p_value=p_value, verdict=verdict, why=why)
