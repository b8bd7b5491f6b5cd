"""Selects from a large corpus the pairs that are most like a small one: bilingual cross-entropy difference.

Axelrod, He & Gao 2011 (Domain adaptation via pseudo in-domain data selection), on each side Moore & Lewis 2010.
A sentence s of n words has the cross-entropy H(s) = -log2 p(s </s>) / (n + 1); a pair's score is

    H_in(source) - H_general(source) + H_in(target) - H_general(target)

in bits a word: the lower, the more the pair is like the small corpus.

Legend: N sentence pairs, T tokens with BEGIN and END of each sentence.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from s2s import ngrams
from s2s.errors import check
from s2s.ngrams import Integers

Sentences = Any  # tokens joined by one space: a sequence of str, or an Arrow array of strings
ORDER = 4
MIN_COUNT = 2  # a word seen once says little of a domain: with all others it is <unk> (Moore & Lewis 2010)
BLOCK = 10_000  # sentences scored at a time: 30 MB, however many are asked for


@dataclass(frozen=True)
class Side:
    """What one language tells of the two corpora: the in-domain model less the general one."""

    vocabulary: pa.StringArray
    contrast: ngrams.Model

    def score(self, sentences: pa.StringArray) -> npt.NDArray[np.float64]:
        """H_in - H_general of each sentence [N]."""
        ids, lengths = encode(sentences, self.vocabulary)
        sizes = lengths + 2
        logs = np.add.reduceat(self.contrast.score(ids), np.cumsum(sizes) - sizes)
        return -logs / (lengths + 1)


@dataclass(frozen=True)
class Selector:
    """Tells how much a pair is like the in-domain text. It is arrays only: 50 bytes for each word learned from."""

    source: Side
    target: Side

    def score(self, source: Sentences, target: Sentences) -> npt.NDArray[np.float32]:
        """The cross-entropy difference of pairs in bits a word, lower is closer [N].

        A pair's score does not depend on the pairs beside it.

        Args:
            source: Source sentences, tokens joined by one space [N].
            target: Their translations [N].
        """
        sides = (self.source, array(source)), (self.target, array(target))
        scores = np.zeros(len(source), np.float32)
        for start in range(0, len(scores), BLOCK):
            scores[start : start + BLOCK] = sum(side.score(text[start : start + BLOCK]) for side, text in sides)
        return scores


def learn(in_domain: tuple[Sentences, Sentences], general: tuple[Sentences, Sentences], order: int = ORDER) -> Selector:
    """Learns four models, in-domain and general, source and target.

    Args:
        in_domain: Sources and targets of the kind that is wanted, tokens joined by one space.
        general: The same of the corpus to select from: a random sample of about as many words, as `sample` draws it.
        order: Words of the longest n-gram.

    Raises:
        UserError: There is nothing to learn from.
    """
    for name, (source, _) in (("in-domain", in_domain), ("general", general)):
        check(len(source), f"selection: found no {name} pairs; expected some to learn from")
    sides = (learn_side(array(near), array(far), order) for near, far in zip(in_domain, general, strict=True))
    return Selector(*sides)


def learn_side(in_domain: pa.StringArray, general: pa.StringArray, order: int) -> Side:
    """Learns both models of one language, over the vocabulary of the in-domain text."""
    vocabulary = frequent(in_domain)
    texts = [encode(sentences, vocabulary)[0] for sentences in (in_domain, general)]
    near, far = ngrams.learn(texts, len(vocabulary) + ngrams.END + 1, order)
    return Side(vocabulary, near - far)


def sample(words: npt.ArrayLike, wanted: int, seed: int) -> Integers:
    """Draws pairs at random, all different: their row numbers, ascending.

    The general model knows the pairs that it learned from, so that they seem general when they are scored, and most are
    not kept. Draw from a corpus that is much larger: of WMT'14's UN text it is one pair in a thousand.

    Args:
        words: The words of each pair of the corpus [N].
        wanted: How many words the sample is to hold, more or less: it is so many pairs of mean length.
        seed: The same seed draws the same pairs.
    """
    words = np.asarray(words)
    size = min(len(words), round(wanted / words.mean())) if len(words) else 0
    return np.sort(np.random.default_rng(seed).choice(len(words), size, replace=False, shuffle=False))


def keep(scores: npt.NDArray[np.float32], words: npt.ArrayLike, percent: float) -> npt.NDArray[np.bool_]:
    """Which pairs are kept: those of the lowest scores, as many as hold at most so many percent of the words [N].

    The percentages of the paper's data are of words: 45 % of 61M, 34 % of 421M and 30 % of 272.5M words with two whole
    corpora of 5.5M and 90M make its 348M. Of pairs that would be so only if close ones were as long as others.

    Args:
        scores: Lower is kept first, and of equal ones the earlier [N].
        words: The target words of each pair [N].
        percent: From 0 to 100.
    """
    order = np.argsort(scores, kind="stable")
    held = np.cumsum(np.asarray(words)[order], dtype=np.int64)
    kept = np.zeros(len(scores), np.bool_)
    kept[order[held * 100 <= held[-1:] * percent]] = True
    return kept


def frequent(sentences: pa.StringArray) -> pa.StringArray:
    """The words that are there at least MIN_COUNT times, by the alphabet."""
    words, counts = pc.value_counts(pc.list_flatten(pc.split_pattern(sentences, " "))).flatten()
    known = words.filter(pc.greater_equal(counts, MIN_COUNT))
    return known.take(pc.sort_indices(known))


def encode(sentences: pa.StringArray, vocabulary: pa.StringArray) -> tuple[Integers, Integers]:
    """The ids of sentences, one after the other from BEGIN to END [T], and their lengths without those [N]."""
    split = pc.split_pattern(sentences, " ")
    known = pc.fill_null(pc.index_in(pc.list_flatten(split), value_set=vocabulary), ngrams.UNKNOWN - ngrams.END - 1)
    lengths = pc.list_value_length(split).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths + 2)
    ids = np.full(ends[-1] if len(ends) else 0, ngrams.END)
    ids[ends - lengths - 2] = ngrams.BEGIN
    ids[np.arange(lengths.sum()) + np.repeat(2 * np.arange(len(lengths)) + 1, lengths)] = (
        known.to_numpy() + ngrams.END + 1
    )
    return ids, lengths


def array(sentences: Sentences) -> pa.StringArray:
    """Sentences as one Arrow array."""
    if isinstance(sentences, pa.ChunkedArray):
        return sentences.combine_chunks()
    return sentences if isinstance(sentences, pa.Array) else pa.array(sentences, pa.string())
