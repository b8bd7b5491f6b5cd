"""Decides what the paper says of the encoder's states (section 3.8) by the distances between probe sentences."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline import claims
from pipeline.claims import ProbeClaim
from pipeline.deciding import ALPHA, entry
from pipeline.probes import MeasuredPanel, MeasuredProbes
from pipeline.schemas import records
from pipeline.scorecard_schema import Entry, Verdict

EMBEDDINGS = "embeddings.json"
TEST = "permutation of the groups among the probe sentences: their mean silhouette"


def judge_states(reports: Path) -> Iterator[Entry]:
    """Yield the entries on word order and on voice, each decided by the first suitable panel of probe sentences.

    Word order needs sentences that have the same words in another order. In the other panels, the sentences of a group
    say the same in several ways, such as in the active and the passive voice.
    """
    probes = records.read(MeasuredProbes, reports / EMBEDDINGS)
    order = [panel for panel in probes.panels if panel.separation.reordered is not None]
    voice = [panel for panel in probes.panels if panel not in order and panel.separation.silhouette is not None]
    yield judge(claims.WORD_ORDER, best(order), probes, "no probe sentences of the same words in another order")
    yield judge(claims.VOICE, best(voice), probes, "no groups of probe sentences that say one thing in several ways")


def best(panels: list[MeasuredPanel]) -> MeasuredPanel | None:
    """Return the first panel whose groups can be tested, else the first panel; None if there are no panels."""
    testable = (panel for panel in panels if panel.separation.silhouette is not None)
    return next(testable, panels[0] if panels else None)


def judge(claim: ProbeClaim, panel: MeasuredPanel | None, probes: MeasuredProbes, missing: str) -> Entry:
    """Decide a claim that sentences of a group lie nearer to each other than to those of other groups.

    Args:
        claim: what the paper says.
        panel: probe sentences that decide it, or None.
        probes: the model that embedded them.
        missing: the reason for the entry if there is no panel.
    """
    if panel is None:
        return replace(entry(claim, "probe sentences", 0, TEST), why=missing)
    separation, name = panel.separation, f"{probes.model}, panel {panel.panel}"
    result = entry(claim, "probe sentences", len(panel.sentences), TEST)
    if separation.silhouette is None or separation.silhouette_p_value is None:
        return replace(result, verdict="undecided", why="each sentence is a group of its own, or all are one")
    verdict, why = verdict_of(separation.silhouette_p_value)
    return replace(
        result,
        ours=[separation.silhouette],
        compared=[name],
        p_value=separation.silhouette_p_value,
        verdict=verdict,
        why=why,
    )


def verdict_of(p_value: float) -> tuple[Verdict, str]:
    """Return the verdict by the share of arrangements of the groups that separate as well, and why if undecided."""
    if p_value < ALPHA:
        return "holds", ""
    return ("fails", "") if p_value > 1 - ALPHA else ("undecided", "it may be chance")
