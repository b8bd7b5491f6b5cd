"""The best translation of a corpus that its candidate lists hold, by BLEU: what any rescoring of them could reach.

BLEU is no sum over sentences, so the very best choice cannot be found sentence by sentence. It is approached from
below: sentences are gone through in order, each takes the candidate with which the BLEU of the whole corpus is
highest, and this is repeated until nothing changes. No single exchange improves the result.
"""

from s2s.candidates import Candidates, Integers, bleu

SMALLEST_GAIN = 1e-9  # of BLEU: less is rounding, and might go round in circles


def oracle(candidates: Candidates) -> Integers:
    """The choice that no single exchange improves, [N], reached from the first of each list."""
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
