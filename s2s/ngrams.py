"""N-gram language models by interpolated modified Kneser-Ney smoothing, learned and asked by whole arrays.

The smoothing is Chen & Goodman's (1999, section 3); shorter n-grams that begin a sentence, and texts too small to tell
their discounts, are KenLM's way (Heafield et al. 2013). With a(hw) the count of word w after words h,

    p(w | h) = (a(hw) - D(a(hw))) / a(h.) + g(h) p(w | h'),    g(h) = sum of D(a(hw)) over w / a(h.)

where h' is h without its first word, a(h.) is the sum over w, and below the single words all are equally likely. The
longest n-grams count how often they are there, shorter ones after how many different words. D is D1, D2, D3 for counts
of 1, 2, and more.

Legend: T positions of a text, G n-grams of one length, V words, BEGIN among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
UNKNOWN, BEGIN, END = 0, 1, 2  # any other word; before and after each sentence; words of the text follow from 3
FALLBACK = (0.5, 1.0, 1.5)  # KenLM's discounts for texts that are too small or too regular to tell their own


@dataclass(frozen=True)
class Order:
    """The n-grams of one length n > 1 in some texts. An (n-1)-gram is known by its place among those.

    Attributes:
        keys: context * V + last word, ascending [G].
        suffix: the (n-1)-gram without the first word [G].
        counts: how often each text holds them, a row a text [texts, G].
    """

    keys: Integers
    suffix: Integers
    counts: Integers


@dataclass(frozen=True)
class Model:
    """Logarithms to base 2: a known n-gram has its own, another one that of its suffix plus its context's backoff.

    Attributes:
        words: V; ids are below it.
        keys: of the n-grams of lengths 2, 3, ..., as in `Order`.
        log_probs: of the n-grams of lengths 1, 2, 3, ...; 0 for BEGIN, which nobody predicts.
        backoffs: of the n-grams that are contexts: all lengths but the last.
    """

    words: int
    keys: tuple[Integers, ...]
    log_probs: tuple[Floats, ...]
    backoffs: tuple[Floats, ...]

    def score(self, ids: Integers) -> Floats:
        """The logarithm of each position's probability after the words before it [T]; 0 at BEGIN.

        Args:
            ids: Sentences one after the other, each from BEGIN to END [T].
        """
        found, scores = ids, self.log_probs[0][ids]
        for keys, log_probs, backoffs in zip(self.keys, self.log_probs[1:], self.backoffs, strict=True):
            after = np.flatnonzero(found[:-1] >= 0) + 1
            context = found[after - 1]
            gram = find(keys, context * self.words + ids[after])
            scores[after] = np.where(gram >= 0, log_probs[gram], scores[after] + backoffs[context])
            found = np.full(len(ids), -1)
            found[after] = gram
        return scores

    def __sub__(self, other: "Model") -> "Model":
        """The model whose scores are the differences of two models over the same n-grams."""
        assert self.keys is other.keys, "these models were not learned together"
        return Model(
            self.words,
            self.keys,
            tuple(a - b for a, b in zip(self.log_probs, other.log_probs, strict=True)),
            tuple(a - b for a, b in zip(self.backoffs, other.backoffs, strict=True)),
        )


def find(keys: Integers, wanted: Integers) -> Integers:
    """Where each of the wanted keys stands, or -1."""
    if not len(keys):
        return np.full(len(wanted), -1)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)


def learn(texts: Sequence[Integers], words: int, order: int) -> list[Model]:
    """A model of each text. All know the n-grams of all texts, which changes no probability, and so can be subtracted.

    Args:
        texts: Sentences one after the other, each from BEGIN to END [T].
        words: V; ids are below it.
        order: Words of the longest n-gram.
    """
    singles = np.stack([np.bincount(text, minlength=words) for text in texts])
    orders = count(texts, words, order)
    keys = tuple(one.keys for one in orders)
    return [Model(words, keys, *estimate(singles[i], orders, i)) for i in range(len(texts))]


def count(texts: Sequence[Integers], words: int, order: int) -> list[Order]:
    """Counts the n-grams of lengths 2, 3, ..., `order` that lie within a sentence."""
    ids = np.concatenate(texts)
    ends = np.cumsum([len(text) for text in texts])[:-1]
    found, orders = ids, list[Order]()
    for _ in range(1, order):
        at = np.flatnonzero((found[:-1] >= 0) & (found[1:] >= 0) & (ids[1:] != BEGIN)) + 1
        keys, first, gram = np.unique(found[at - 1] * words + ids[at], return_index=True, return_inverse=True)
        parts = np.split(gram, np.searchsorted(at, ends))
        counts = np.stack([np.bincount(part, minlength=len(keys)) for part in parts])
        orders.append(Order(keys, found[at[first]], counts))
        found = np.full(len(ids), -1)
        found[at] = gram
    return orders


def estimate(singles: Integers, orders: Sequence[Order], text: int) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
    """The logarithms of probabilities and of backoffs of the n-grams of each length, for one of the texts.

    Args:
        singles: how often the text holds each word [V].
        orders: the longer n-grams.
        text: its place in their counts.
    """
    V = len(singles)
    adjusted = adjust(singles, orders, text)
    discount = discounts(adjusted[0])[np.minimum(adjusted[0], 3)]
    total = adjusted[0].sum()
    probs = [(adjusted[0] - discount) / total + discount.sum() / total / (V - 1)]
    probs[0][BEGIN] = 1
    backoffs = []
    for one, counts in zip(orders, adjusted[1:], strict=True):
        context = one.keys // V
        discount = discounts(counts)[np.minimum(counts, 3)]
        total = np.bincount(context, counts, len(probs[-1]))
        backoff = np.where(total > 0, np.bincount(context, discount, len(probs[-1])) / np.maximum(total, 1), 1)
        own = (counts - discount) / np.maximum(total, 1)[context]
        probs.append(own + backoff[context] * probs[-1][one.suffix])
        backoffs.append(backoff)
    return tuple(np.log2(prob) for prob in probs), tuple(np.log2(backoff) for backoff in backoffs)


def adjust(singles: Integers, orders: Sequence[Order], text: int) -> list[Integers]:
    """The counts a of the n-grams of each length in a text.

    An n-gram that is shorter than the longest ones counts the different words before it. One that begins a sentence has
    none before it, and keeps how often it is there.
    """
    counts = [singles, *(one.counts[text] for one in orders)]
    begins = np.arange(len(singles)) == BEGIN
    adjusted = []
    for own, one in zip(counts, orders, strict=False):
        before = np.bincount(one.suffix[one.counts[text] > 0], minlength=len(own))
        adjusted.append(np.where(begins, own, before))
        begins = begins[one.keys // len(singles)]
    adjusted.append(counts[-1])
    adjusted[0][BEGIN] = 0
    return adjusted


def discounts(counts: Integers) -> Floats:
    """What is taken off counts of 0, 1, 2, and 3 and more (Chen & Goodman 1999, equation 26)."""
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].tolist()
    if min(n1, n2, n3) == 0:
        return np.array((0, *FALLBACK))
    Y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3)
    sound = all(0 < discount <= most for discount, most in zip(found, (1, 2, 3), strict=True))
    return np.array((0, *(found if sound else FALLBACK)))
