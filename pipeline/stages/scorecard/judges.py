"""Verdicts on each kind of statement of the paper, from our results."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from pipeline.schemas.data import records
from pipeline.schemas.reports.embeddings import MeasuredPanel, MeasuredProbes
from pipeline.schemas.reports.scorecard import Entry, Verdict
from pipeline.stages.scorecard import claims, matching
from pipeline.stages.scorecard.claims import Cell, Claim, LayerShare, LengthClaim, PerplexityClaim, ProbeClaim, Side
from pipeline.stages.scorecard.evidence import Evidence
from pipeline.stages.scorecard.matching import Candidate
from pipeline.stages.scorecard.verdicts import ALPHA, decide, entry, equivalent, too_few, with_contrast
from s2s.evaluation.contrast import Estimate, Floats, SystemScores, rounded

PAIRED = "paired bootstrap over test sentences"


def judge_cell(cell: Cell, evidence: Evidence) -> Entry:
    """Compare a score of a table of the paper with ours; on the paper's test set, the score's interval decides."""
    result = entry(
        cell, evidence.data, evidence.sentences, "the 95 % bootstrap interval of our score reaches the paper's"
    )
    result = replace(result, paper=[cell.paper])
    if cell.side is None:
        return replace(result, why="a system that this project does not build")
    plain = [candidate for candidate in evidence.ours if candidate.plain]
    chosen = matching.choose(plain, [cell.side])
    if not chosen:
        return replace(result, why=matching.missing(plain, [cell.side]))
    score = evidence.score(chosen[0])
    result = replace(result, ours=[score.bleu_tokenized], compared=[chosen[0].name])
    if reason := incomparable(chosen[0], evidence):
        return replace(result, verdict="undecided", why=reason)
    numbers = (score.bleu_tokenized, score.bleu_tokenized_low, score.bleu_tokenized_high)
    difference, low, high = (rounded(number - cell.paper) for number in numbers)
    result = replace(result, difference=difference, low=low, high=high)
    if reason := too_few(evidence.sentences):
        return replace(result, verdict="undecided", why=reason)
    return replace(result, verdict="holds" if high >= 0 else "fails")


def incomparable(candidate: Candidate, evidence: Evidence) -> str:
    """Return why our score cannot be compared with the paper's, or ""."""
    if evidence.parameters.download.source not in claims.SOURCES:
        return f"scores compare on one test set alone: the paper's is {claims.TEST_SET}"
    if evidence.parameters.clean.lowercase:
        return "the paper's scores are of cased text"
    if candidate.kind != "run" and not candidate.foreign:
        return "the paper's lists are those of a phrase-based system"
    return ""


def judge_bleu(claim: Claim, evidence: Evidence) -> Entry:
    """Decide a claim that a weighted sum of BLEU scores lies above zero."""
    result = entry(claim, evidence.data, evidence.sentences, f"{PAIRED}: {sum_in_words(claim)} above 0")
    paper_difference = rounded(float(np.dot(claim.weights, claim.paper)))
    result = replace(result, paper=list(claim.paper), paper_difference=paper_difference)
    chosen = matching.choose(evidence.ours, claim.sides, claim.alike)
    if not chosen:
        return replace(result, why=matching.missing(evidence.ours, claim.sides))
    scores = evidence.bleu(chosen)
    result = with_values(result, scores, [candidate.name for candidate in chosen])
    contrast = scores.weighted_sum(claim.weights).contrast()
    verdict, why = decide(contrast, result.sentences)
    if claim.only_if is not None and not is_positive(scores.weighted_sum(claim.only_if), result.sentences):
        verdict, why = "undecided", too_few(result.sentences) or "there is no sure gain to share"
    return with_contrast(result, contrast, verdict, why)


def is_positive(estimate: Estimate, sentences: int) -> bool:
    """Return whether it is decided that a number lies above zero."""
    return decide(estimate.contrast(), sentences)[0] == "holds"


def with_values(result: Entry, scores: SystemScores, names: list[str]) -> Entry:
    """Return an entry with our scores, and the names of what they belong to."""
    return replace(result, ours=[rounded(value) for value in scores.values.tolist()], compared=names)


def sum_in_words(claim: Claim) -> str:
    """Describe the weighted sum of scores that is to lie above zero."""
    if claim.weights == (-1.0, 1.0):
        return "difference in BLEU"
    return "BLEU of the second less the mean of the first and the third"


def judge_perplexities(claim: PerplexityClaim, evidence: Evidence) -> Entry:
    """Decide a claim that the second system has the lower perplexity."""
    result = entry(claim, evidence.data, evidence.sentences, f"{PAIRED}: change of perplexity below 0")
    result = replace(result, paper=list(claim.paper), paper_difference=rounded(claim.change))
    chosen = matching.choose(evidence.ours, claim.sides)
    if not chosen:
        return replace(result, why=matching.missing(evidence.ours, claim.sides))
    result, change = with_change(result, chosen, evidence)
    verdict, why = decide((-change).contrast(), result.sentences)
    return with_contrast(result, change.contrast(), verdict, why)


def with_change(
    result: Entry, systems: tuple[Candidate, ...], evidence: Evidence, steps: int = 1
) -> tuple[Entry, Estimate]:
    """Return an entry with the perplexities of two systems, and their relative change for each of some equal steps."""
    scores, seeds = evidence.perplexities(systems)
    names = [with_seeds(system, own) for system, own in zip(systems, seeds, strict=True)]
    return with_values(result, scores, names), scores.change(steps)


def with_seeds(system: Candidate, seeds: list[int]) -> str:
    """Return the name of a system and the seeds of its models that are compared."""
    return f"{system.place}, {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"


def judge_share(claim: LayerShare, evidence: Evidence) -> Entry:
    """Decide the claim that each layer changes perplexity by a share within bounds."""
    test = f"{PAIRED}: two tests, of a change for each layer above {claim.low:.0%} and below {claim.high:.0%}"
    result = replace(entry(claim, evidence.data, evidence.sentences, test), paper_difference=claim.paper)
    pair = shallow_and_deep(evidence)
    if not pair:
        return replace(result, why="params.yaml has no models that differ in nothing but layers")
    result, change = with_change(result, pair, evidence, pair[1].layers - pair[0].layers)
    return with_contrast(result, *equivalent(change, claim.low, claim.high, result.sentences))


def shallow_and_deep(evidence: Evidence) -> tuple[Candidate, ...]:
    """Return the two systems farthest apart in layers that are alike in all else; () if there are none."""
    systems = [candidate for candidate in evidence.ours if candidate.kind == "model"]
    depths = sorted({system.layers for system in systems})
    for low, high in sorted(product(depths, depths), key=lambda span: span[0] - span[1]):
        if low >= high:
            break
        if pair := matching.choose(systems, [Side("model", layers=low), Side("model", layers=high)]):
            return pair
    return ()


def judge_length(claim: LengthClaim, evidence: Evidence) -> Entry:
    """Decide a claim that longer sentences lose no more BLEU than a margin."""
    groups = by_length(evidence.lengths, claim)
    sizes = [len(rows) for rows in groups]
    test = f"bootstrap over each group of sentences: difference in BLEU above -{claim.margin:g}"
    result = entry(claim, evidence.data, sum(sizes), test)
    sides = [Side("run", reverse_source=True)]
    chosen = matching.choose(evidence.ours, sides)
    if not chosen:
        return replace(result, why=matching.missing(evidence.ours, sides))
    if reason := without_groups(*sizes):
        return replace(result, why=reason)
    scores = evidence.groups(chosen[0], groups)
    result = with_values(result, scores, [f"{chosen[0].name}, {span(evidence.lengths[rows])}" for rows in groups])
    difference, fewest = scores.difference(), min(sizes)
    verdict, why = decide((difference + claim.margin).contrast(), fewest)
    if not is_positive(scores.weighted_sum((1.0, 0.0)) + -claim.margin, fewest):  # a loss is at most the score itself
        verdict, why = "undecided", too_few(fewest) or "there is nothing to lose"
    return with_contrast(result, difference.contrast(), verdict, why)


def without_groups(shorter: int, longer: int) -> str:
    """Return why the test set has no two groups of sentences to compare, or ""."""
    if shorter and longer:
        return ""
    return f"no test sentence of {claims.LONG} tokens or more" if shorter else "too few test sentences to form groups"


def by_length(lengths: Floats, claim: LengthClaim) -> tuple[list[int], list[int]]:
    """Return the indices of the shorter and of the longer group of sentences that a claim compares."""
    order = np.lexsort((np.arange(len(lengths)), lengths))
    below = order[lengths[order] < claims.LONG]
    fifths = [fifth.tolist() for fifth in np.array_split(below, claims.FIFTHS)]
    if claim.longer == "longest fifth":
        return fifths[claims.FIFTHS // 2], fifths[-1]
    return fifths[-1], order[lengths[order] >= claims.LONG].tolist()


def span(lengths: Floats) -> str:
    """Return the shortest and the longest of some lengths in words."""
    return f"{int(lengths.min())} to {int(lengths.max())} tokens"


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
