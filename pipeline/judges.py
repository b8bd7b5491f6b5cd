"""Holds each kind of statement of the paper against what was measured."""

from dataclasses import replace
from itertools import product

import numpy as np

from pipeline import claims, matching
from pipeline.claims import Cell, Claim, LayerShare, LengthClaim, PerplexityClaim, Side
from pipeline.deciding import decide, entry, equivalent, rounded, too_few, with_contrast
from pipeline.evidence import Drawn, Evidence
from pipeline.matching import Found
from pipeline.scorecard_schema import Entry
from s2s.contrast import Contrast, Floats, judge

PAIRED = "paired bootstrap over test sentences"


def judge_cell(cell: Cell, evidence: Evidence) -> Entry:
    """A cell holds if the interval of our score reaches the paper's, on the paper's test set."""
    size = evidence.sentences
    one = entry(cell, evidence.data, size, "the 95 % bootstrap interval of our score reaches the paper's")
    one = replace(one, paper=[cell.paper])
    if cell.side is None:
        return replace(one, why="a system that this project does not build")
    plain = [ours for ours in evidence.ours if ours.plain]
    found = matching.choose(plain, [cell.side])
    if not found:
        return replace(one, why=matching.missing(plain, [cell.side]))
    score = evidence.score(found[0])
    one = replace(one, ours=[score.bleu_tokenized], compared=[found[0].name])
    if reason := incomparable(found[0], evidence):
        return replace(one, verdict="undecided", why=reason)
    numbers = (score.bleu_tokenized, score.bleu_tokenized_low, score.bleu_tokenized_high)
    difference, low, high = (rounded(number - cell.paper) for number in numbers)
    one = replace(one, difference=difference, low=low, high=high)
    if reason := too_few(size):
        return replace(one, verdict="undecided", why=reason)
    return replace(one, verdict="holds" if high >= 0 else "fails")


def incomparable(found: Found, evidence: Evidence) -> str:
    """Why a score of ours is none to hold against the paper's, or nothing."""
    if evidence.parameters.download.source not in claims.SOURCES:
        return f"scores compare on one test set alone: the paper's is {claims.TEST_SET}"
    if evidence.parameters.clean.lowercase:
        return "the paper's scores are of cased text"
    if found.kind != "run" and not found.foreign:
        return "the paper's lists are those of a phrase-based system"
    return ""


def judge_bleu(claim: Claim, evidence: Evidence) -> Entry:
    """A claim that a weighted sum of BLEU scores lies above zero."""
    one = entry(claim, evidence.data, evidence.sentences, f"{PAIRED}: {sum_in_words(claim)} above 0")
    one = replace(one, paper=list(claim.paper), paper_difference=rounded(float(np.dot(claim.weights, claim.paper))))
    found = matching.choose(evidence.ours, claim.sides, claim.alike)
    if not found:
        return replace(one, why=matching.missing(evidence.ours, claim.sides))
    drawn = evidence.bleu(found)
    one = with_values(one, drawn, [ours.name for ours in found])
    contrast = weighted(drawn, claim.weights)
    verdict, why = decide(contrast, one.sentences)
    if claim.only_if is not None and decide(weighted(drawn, claim.only_if), one.sentences)[0] != "holds":
        verdict, why = "undecided", too_few(one.sentences) or "there is no sure gain to share"
    return with_contrast(one, contrast, verdict, why)


def weighted(drawn: Drawn, weights: tuple[float, ...]) -> Contrast:
    """A weighted sum of results."""
    return judge(float(drawn.values @ np.array(weights)), drawn.samples @ np.array(weights))


def with_values(one: Entry, drawn: Drawn, names: list[str]) -> Entry:
    """An entry with our results."""
    return replace(one, ours=[rounded(value) for value in drawn.values.tolist()], compared=names)


def sum_in_words(claim: Claim) -> str:
    """What of the compared scores is to lie above zero."""
    if claim.weights == (-1.0, 1.0):
        return "difference in BLEU"
    return "BLEU of the second less the mean of the first and the third"


def judge_perplexities(claim: PerplexityClaim, evidence: Evidence) -> Entry:
    """A claim that perplexity sinks."""
    one = entry(claim, evidence.data, evidence.sentences, f"{PAIRED}: change of perplexity below 0")
    one = replace(one, paper=list(claim.paper), paper_difference=rounded(claim.change))
    found = matching.choose(evidence.ours, claim.sides)
    if not found:
        return replace(one, why=matching.missing(evidence.ours, claim.sides))
    one, change, changes = changed(one, found, evidence, 1)
    verdict, why = decide(judge(-change, -changes), one.sentences)
    return with_contrast(one, judge(change, changes), verdict, why)


def changed(one: Entry, found: tuple[Found, ...], evidence: Evidence, steps: int) -> tuple[Entry, float, Floats]:
    """An entry with the perplexities of two systems, and by what share they differ, for each of some equal steps."""
    drawn, seeds = evidence.perplexities(found)
    names = [shown(ours, some) for ours, some in zip(found, seeds, strict=True)]
    ratio, ratios = drawn.values[1] / drawn.values[0], drawn.samples[:, 1] / drawn.samples[:, 0]
    return with_values(one, drawn, names), float(ratio ** (1 / steps) - 1), ratios ** (1 / steps) - 1


def shown(system: Found, seeds: list[int]) -> str:
    """A system and those of its models that are compared."""
    return f"{system.place}, {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"


def judge_share(claim: LayerShare, evidence: Evidence) -> Entry:
    """The claim by how much each layer changes perplexity."""
    test = f"{PAIRED}: two tests, of a change for each layer above {claim.low:.0%} and below {claim.high:.0%}"
    one = replace(entry(claim, evidence.data, evidence.sentences, test), paper_difference=claim.paper)
    pair = shallow_and_deep(evidence)
    if not pair:
        return replace(one, why="params.yaml has no models that differ in nothing but layers")
    one, change, changes = changed(one, pair, evidence, pair[1].layers - pair[0].layers)
    return with_contrast(one, *equivalent(change, changes, claim.low, claim.high, one.sentences))


def shallow_and_deep(evidence: Evidence) -> tuple[Found, ...]:
    """The systems with the fewest and the most layers, and alike in all else, that are the farthest apart; or none."""
    systems = [one for one in evidence.ours if one.kind == "model"]
    depths = sorted({one.layers for one in systems})
    for low, high in sorted(product(depths, depths), key=lambda span: span[0] - span[1]):
        if low >= high:
            break
        if found := matching.choose(systems, [Side("model", layers=low), Side("model", layers=high)]):
            return found
    return ()


def judge_length(claim: LengthClaim, evidence: Evidence) -> Entry:
    """A claim that longer sentences cost no more than a margin."""
    shorter, longer = by_length(evidence.lengths, claim)
    test = f"bootstrap over each group of sentences: difference in BLEU above -{claim.margin:g}"
    one = entry(claim, evidence.data, len(shorter) + len(longer), test)
    found = matching.choose(evidence.ours, [Side("run", reverse_source=True)])
    if not found:
        return replace(one, why=matching.missing(evidence.ours, [Side("run", reverse_source=True)]))
    if not shorter or not longer:
        return replace(
            one,
            why=f"no test sentence of {claims.LONG} tokens or more"
            if shorter
            else "too few test sentences to form groups",
        )
    drawn = evidence.groups(found[0], [shorter, longer])
    one = with_values(one, drawn, [f"{found[0].name}, {span(evidence.lengths[rows])}" for rows in (shorter, longer)])
    contrast, size = weighted(drawn, (-1.0, 1.0)), min(len(shorter), len(longer))
    drops = drawn.samples @ np.array([-1.0, 1.0]) + claim.margin
    verdict, why = decide(judge(contrast.value + claim.margin, drops), size)
    score = judge(drawn.values[0] - claim.margin, drawn.samples[:, 0] - claim.margin)
    if decide(score, size)[0] != "holds":
        verdict, why = "undecided", too_few(size) or "there is nothing to lose"
    return with_contrast(one, contrast, verdict, why)


def by_length(lengths: Floats, claim: LengthClaim) -> tuple[list[int], list[int]]:
    """Two groups of sentences of which the second is the longer."""
    order = np.lexsort((np.arange(len(lengths)), lengths))
    below = order[lengths[order] < claims.LONG]
    fifths = [fifth.tolist() for fifth in np.array_split(below, claims.FIFTHS)]
    if claim.longer == "longest fifth":
        return fifths[claims.FIFTHS // 2], fifths[-1]
    return fifths[-1], order[lengths[order] >= claims.LONG].tolist()


def span(lengths: Floats) -> str:
    """From the shortest to the longest."""
    return f"{int(lengths.min())} to {int(lengths.max())} tokens"
