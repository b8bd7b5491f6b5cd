"""Holds what the paper says of the encoder's states (section 3.8) against how probe sentences lie in them."""

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
    """The entries on word order and on voice, each by the first panel of probe sentences that can tell.

    Only sentences of the same words, in another order, tell of word order. Where there are none, sentences of one group
    are the same said in other ways, as in the active and the passive voice.
    """
    probes = records.read(MeasuredProbes, reports / EMBEDDINGS)
    order = [panel for panel in probes.panels if panel.separation.reordered is not None]
    voice = [panel for panel in probes.panels if panel not in order and panel.separation.silhouette is not None]
    yield judge(claims.WORD_ORDER, best(order), probes, "no probe sentences of the same words in another order")
    yield judge(claims.VOICE, best(voice), probes, "no groups of probe sentences that say one thing in several ways")


def best(panels: list[MeasuredPanel]) -> MeasuredPanel | None:
    """The first panel whose groups can be tested, or the first at all."""
    return next((one for one in panels if one.separation.silhouette is not None), panels[0] if panels else None)


def judge(claim: ProbeClaim, panel: MeasuredPanel | None, probes: MeasuredProbes, missing: str) -> Entry:
    """A claim that sentences of a group lie nearer to each other than those of different groups."""
    if panel is None:
        return replace(entry(claim, "probe sentences", 0, TEST), why=missing)
    found, name = panel.separation, f"{probes.model}, panel {panel.panel}"
    one = entry(claim, "probe sentences", len(panel.sentences), TEST)
    if found.silhouette is None or found.silhouette_p_value is None:
        reason = "each sentence is a group of its own, or all are one"
        return replace(one, verdict="undecided", why=reason)
    verdict, why = tested(found.silhouette_p_value)
    p_value = found.silhouette_p_value
    return replace(one, ours=[found.silhouette], compared=[name], p_value=p_value, verdict=verdict, why=why)


def tested(p_value: float) -> tuple[Verdict, str]:
    """The verdict on how many arrangements of the groups lie as far apart."""
    if p_value < ALPHA:
        return "holds", ""
    return ("fails", "") if p_value > 1 - ALPHA else ("undecided", "it may be chance")
