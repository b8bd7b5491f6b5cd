"""The rule by which results decide a claim of the paper, stated once.

A claim holds if the 95 % interval of what it says lies above zero and p is below ALPHA, and fails if the interval lies
below zero and p is below ALPHA; all else leaves it undecided, and so do fewer than FEWEST sentences. A claim of no
loss, or of a small one, is that of a difference to which a margin was added. A claim of a certain size holds if the
interval lies within the bounds of equivalence, by two such tests, and fails if it lies outside.
"""

from dataclasses import replace

from pipeline.claims import Cell, Claim, LayerShare, LengthClaim, PerplexityClaim, ProbeClaim
from pipeline.scorecard_schema import Entry, Verdict
from s2s.contrast import Contrast, Floats, judge

ALPHA = 0.05
FEWEST = 30  # sentences below which a bootstrap says little
DECIMALS = 6
MEASURES = {PerplexityClaim: "perplexity", LayerShare: "perplexity", ProbeClaim: "states"}
Statement = Cell | Claim | PerplexityClaim | LayerShare | LengthClaim | ProbeClaim


def too_few(sentences: int) -> str:
    """Why so many sentences decide nothing, or nothing."""
    return f"{sentences} test sentences; it takes {FEWEST}" if sentences < FEWEST else ""


def decide(found: Contrast, sentences: int) -> tuple[Verdict, str]:
    """The verdict on a contrast that is to lie above zero, and why there is none."""
    if reason := too_few(sentences):
        return "undecided", reason
    if found.p_value < ALPHA and found.low > 0:
        return "holds", ""
    if found.p_value < ALPHA and found.high < 0:
        return "fails", ""
    return "undecided", "it may be chance"


def equivalent(value: float, drawn: Floats, low: float, high: float, sentences: int) -> tuple[Contrast, Verdict, str]:
    """Two tests in one, of lying above `low` and below `high`: the contrast has the larger p if it holds."""
    bounds = judge(value - low, drawn - low), judge(high - value, high - drawn)
    verdicts = [decide(bound, sentences) for bound in bounds]
    p_value = max(bound.p_value for bound in bounds)
    found = replace(judge(value, drawn), p_value=p_value)
    for bound, (verdict, why) in zip(bounds, verdicts, strict=True):
        if verdict == "fails":
            return replace(found, p_value=bound.p_value), verdict, why
    return found, *max(verdicts, key=lambda one: one[0] == "undecided")


def entry(said: Statement, data: str, sentences: int, test: str) -> Entry:
    """What the paper says, before anything is known of ours."""
    return Entry(
        id=said.id,
        kind="cell" if isinstance(said, Cell) else "claim",
        section=said.section,
        statement=said.statement,
        measure=MEASURES.get(type(said), "BLEU"),  # type: ignore[arg-type]
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


def rounded(value: float) -> float:
    """A number as reports hold it, without a negative zero."""
    return round(value, DECIMALS) + 0.0


def with_contrast(one: Entry, found: Contrast, verdict: Verdict, why: str) -> Entry:
    """An entry with what decided it."""
    low, high, p_value = rounded(found.low), rounded(found.high), rounded(found.p_value)
    difference = rounded(found.value)
    return replace(one, difference=difference, low=low, high=high, p_value=p_value, verdict=verdict, why=why)
