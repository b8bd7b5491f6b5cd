"""N-gram language models with interpolated modified Kneser-Ney smoothing, vectorized over whole texts.

The smoothing follows Chen & Goodman (1999, section 3). The treatment of n-grams at the start of a sentence and of texts
too small to estimate discounts follows KenLM (Heafield et al. 2013). With a(hw) the count of word w after words h,

    p(w | h) = (a(hw) - D(a(hw))) / a(h.) + g(h) p(w | h'),    g(h) = sum of D(a(hw)) over w / a(h.)

where h' is h without its first word, a(h.) is the sum over w, and the model below single words is uniform. The counts a
of the longest n-grams are occurrences, those of shorter ones the number of different words before them. D is D1, D2, D3
for counts of 1, 2, and more.

Legend: T positions of a text, G n-grams of one length, V words, BEGIN among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
UNKNOWN, BEGIN, END = 0, 1, 2  # ids of unknown words, sentence start and end; words have ids from 3
FALLBACK = (0.5, 1.0, 1.5)  # KenLM's discounts for texts too small or too regular to estimate them


@dataclass(frozen=True)
class Order:
    """The n-grams of one length n > 1 in some texts; (n-1)-grams are referred to by their index.

    Attributes:
        keys: context * V + last word, ascending [G].
        suffix: index of the (n-1)-gram without the first word [G].
        counts: occurrences in each text [texts, G].
    """

    keys: Integers
    suffix: Integers
    counts: Integers


@dataclass(frozen=True)
class Model:
    """A backoff model in base-2 logarithms: an unseen n-gram has its suffix's value plus its context's backoff.

    Attributes:
        words: V, the number of word ids.
        keys: keys of the n-grams of lengths 2, 3, ..., as in `Order`.
        log_probs: log-probabilities of the n-grams of lengths 1, 2, 3, ...; 0 for BEGIN, which is never predicted.
        backoffs: backoffs of the n-grams that are contexts: all lengths but the longest.
    """

    words: int
    keys: tuple[Integers, ...]
    log_probs: tuple[Floats, ...]
    backoffs: tuple[Floats, ...]

    def score(self, ids: Integers) -> Floats:
        """Return the log-probability (base 2) of each position given the words before it [T]; 0 at BEGIN.

        Args:
            ids: sentences in a row, each from BEGIN to END [T].
        """
        grams, scores = ids, self.log_probs[0][ids]
        for keys, log_probs, backoffs in zip(self.keys, self.log_probs[1:], self.backoffs, strict=True):
            after = np.flatnonzero(grams[:-1] >= 0) + 1
            context = grams[after - 1]
            gram = find(keys, context * self.words + ids[after])
            scores[after] = np.where(gram >= 0, log_probs[gram], scores[after] + backoffs[context])
            grams = np.full(len(ids), -1)
            grams[after] = gram
        return scores

    def __sub__(self, other: "Model") -> "Model":
        """Return a model whose scores are the differences of two models that were learned together."""
        assert self.keys is other.keys, "these models were not learned together"
        return Model(
            self.words,
            self.keys,
            tuple(a - b for a, b in zip(self.log_probs, other.log_probs, strict=True)),
            tuple(a - b for a, b in zip(self.backoffs, other.backoffs, strict=True)),
        )


def find(keys: Integers, wanted: Integers) -> Integers:
    """Return the index of each wanted key in sorted keys, or -1."""
    if not len(keys):
        return np.full(len(wanted), -1)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)


def learn(texts: Sequence[Integers], words: int, order: int) -> list[Model]:
    """Learn a model of each text.

    All models have the n-grams of all texts, which changes no probability and lets models be subtracted.

    Args:
        texts: sentences in a row, each from BEGIN to END [T].
        words: V, the number of word ids.
        order: length of the longest n-grams.
    """
    singles = np.stack([np.bincount(text, minlength=words) for text in texts])
    orders = count(texts, words, order)
    keys = tuple(grams.keys for grams in orders)
    return [Model(words, keys, *estimate(singles[i], orders, i)) for i in range(len(texts))]


def count(texts: Sequence[Integers], words: int, order: int) -> list[Order]:
    """Count the n-grams of lengths 2, 3, ..., `order` within sentences."""
    ids = np.concatenate(texts)
    ends = np.cumsum([len(text) for text in texts])[:-1]
    grams, orders = ids, list[Order]()
    for _ in range(1, order):
        at = np.flatnonzero((grams[:-1] >= 0) & (grams[1:] >= 0) & (ids[1:] != BEGIN)) + 1
        keys, first, gram = np.unique(grams[at - 1] * words + ids[at], return_index=True, return_inverse=True)
        parts = np.split(gram, np.searchsorted(at, ends))
        counts = np.stack([np.bincount(part, minlength=len(keys)) for part in parts])
        orders.append(Order(keys, grams[at[first]], counts))
        grams = np.full(len(ids), -1)
        grams[at] = gram
    return orders


def estimate(singles: Integers, orders: Sequence[Order], text: int) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
    """Return log-probabilities and log-backoffs of the n-grams of each length for one of the texts.

    Args:
        singles: occurrences of each word in the text [V].
        orders: the longer n-grams.
        text: index of the text in their counts.
    """
    V = len(singles)
    adjusted = adjust(singles, orders, text)
    discount = discounts(adjusted[0])[np.minimum(adjusted[0], 3)]
    total = adjusted[0].sum()
    probs = [(adjusted[0] - discount) / total + discount.sum() / total / (V - 1)]
    probs[0][BEGIN] = 1
    backoffs = []
    for grams, counts in zip(orders, adjusted[1:], strict=True):
        context = grams.keys // V
        discount = discounts(counts)[np.minimum(counts, 3)]
        total = np.bincount(context, counts, len(probs[-1]))
        backoff = np.where(total > 0, np.bincount(context, discount, len(probs[-1])) / np.maximum(total, 1), 1)
        own = (counts - discount) / np.maximum(total, 1)[context]
        probs.append(own + backoff[context] * probs[-1][grams.suffix])
        backoffs.append(backoff)
    return tuple(np.log2(prob) for prob in probs), tuple(np.log2(backoff) for backoff in backoffs)


def adjust(singles: Integers, orders: Sequence[Order], text: int) -> list[Integers]:
    """Return the counts a of the n-grams of each length in a text.

    The count of all but the longest n-grams is the number of different words before them. An n-gram at the start of a
    sentence has no word before it and keeps its number of occurrences.
    """
    counts = [singles, *(grams.counts[text] for grams in orders)]
    begins = np.arange(len(singles)) == BEGIN
    adjusted = []
    for own, longer in zip(counts, orders, strict=False):
        before = np.bincount(longer.suffix[longer.counts[text] > 0], minlength=len(own))
        adjusted.append(np.where(begins, own, before))
        begins = begins[longer.keys // len(singles)]
    adjusted.append(counts[-1])
    adjusted[0][BEGIN] = 0
    return adjusted


def discounts(counts: Integers) -> Floats:
    """Return the discounts of counts 0, 1, 2, and 3 or more (Chen & Goodman 1999, equation 26)."""
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].tolist()
    if min(n1, n2, n3) == 0:
        return np.array((0, *FALLBACK))
    Y = n1 / (n1 + 2 * n2)
    values = (1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3)
    are_valid = all(0 < discount <= most for discount, most in zip(values, (1, 2, 3), strict=True))
    return np.array((0, *(values if are_valid else FALLBACK)))
