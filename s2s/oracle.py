"""Oracle choice among candidates: the highest BLEU that a rescoring of n-best lists can reach.

Corpus BLEU is no sum over sentences, so the best choice cannot be found for each sentence alone. Greedy search finds a
lower bound of the optimum: each sentence in turn takes the candidate with the highest corpus BLEU, until no single
exchange improves it.
"""

from s2s.candidates import Candidates, Integers, bleu

SMALLEST_GAIN = 1e-9  # of BLEU; smaller gains are rounding errors and could loop forever


def oracle(candidates: Candidates) -> Integers:
    """Return a candidate for each sentence, [N], that no single exchange improves, from the first of each list."""
    chosen = candidates.starts[:-1].copy()
    total = candidates.counts[chosen].sum(axis=0)
    best, before = float(bleu(total)), -1.0
    while best > before:
        before = best
        for sentence, (first, end) in enumerate(zip(candidates.starts[:-1], candidates.starts[1:], strict=True)):
            others = total - candidates.counts[chosen[sentence]] + candidates.counts[first:end]
            scores = bleu(others)
            place = int(scores.argmax())
            if scores[place] > best + SMALLEST_GAIN:
                chosen[sentence], total, best = first + place, others[place], float(scores[place])
    return chosen
