"""Select the pairs of a large corpus that resemble a small one, by bilingual cross-entropy difference.

The method is Axelrod, He & Gao 2011 (Domain adaptation via pseudo in-domain data selection), after Moore & Lewis 2010.
A sentence s of n words has the cross-entropy H(s) = -log2 p(s </s>) / (n + 1); a pair's score is

    H_in(source) - H_general(source) + H_in(target) - H_general(target)

in bits a word. Lower scores are closer to the small corpus.

Legend: N sentence pairs, T tokens with BEGIN and END of each sentence.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from s2s.corpus import ngrams
from s2s.corpus.ngrams import Integers
from s2s.errors import check

Sentences = Any  # sentences of tokens joined by single spaces: a sequence of str or an Arrow string array
ORDER = 4
MIN_COUNT = 2  # rarer words say little about a domain and become <unk> (Moore & Lewis 2010)
BLOCK = 10_000  # sentences scored at a time, which bounds memory to 30 MB


@dataclass(frozen=True)
class Side:
    """The difference of the in-domain and the general language model of one language."""

    vocabulary: pa.StringArray
    contrast: ngrams.Model

    def score(self, sentences: pa.StringArray) -> npt.NDArray[np.float64]:
        """Compute H_in - H_general of each sentence [N]."""
        ids, lengths = encode(sentences, self.vocabulary)
        sizes = lengths + 2
        logs = np.add.reduceat(self.contrast.score(ids), np.cumsum(sizes) - sizes)
        return -logs / (lengths + 1)


@dataclass(frozen=True)
class Selector:
    """Scores the similarity of pairs to the in-domain text; takes 50 bytes for each training word."""

    source: Side
    target: Side

    def score(self, source: Sentences, target: Sentences) -> npt.NDArray[np.float32]:
        """Compute the cross-entropy difference of each pair in bits a word [N]; lower is closer.

        A pair's score does not depend on other pairs.

        Args:
            source: source sentences, tokens joined by single spaces [N].
            target: their translations [N].
        """
        sides = (self.source, array(source)), (self.target, array(target))
        scores = np.zeros(len(source), np.float32)
        for start in range(0, len(scores), BLOCK):
            scores[start : start + BLOCK] = sum(side.score(text[start : start + BLOCK]) for side, text in sides)
        return scores


def learn(in_domain: tuple[Sentences, Sentences], general: tuple[Sentences, Sentences], order: int = ORDER) -> Selector:
    """Learn four language models: in-domain and general, source and target.

    Args:
        in_domain: sources and targets of the in-domain corpus, tokens joined by single spaces.
        general: the same for a random sample, of about as many words, of the corpus to select from; see `sample`.
        order: length of the longest n-grams.

    Raises:
        UserError: one of the corpora is empty.
    """
    for name, (source, _) in (("in-domain", in_domain), ("general", general)):
        check(len(source), f"selection: found no {name} pairs; expected some to learn from")
    sides = (learn_side(array(near), array(far), order) for near, far in zip(in_domain, general, strict=True))
    return Selector(*sides)


def learn_side(in_domain: pa.StringArray, general: pa.StringArray, order: int) -> Side:
    """Learn both models of one language, over the vocabulary of the in-domain text."""
    vocabulary = frequent(in_domain)
    texts = [encode(sentences, vocabulary)[0] for sentences in (in_domain, general)]
    near, far = ngrams.learn(texts, len(vocabulary) + ngrams.END + 1, order)
    return Side(vocabulary, near - far)


def sample(words: npt.ArrayLike, wanted: int, seed: int) -> Integers:
    """Draw pairs at random without replacement and return their row numbers, ascending.

    The general model prefers the pairs that it was trained on, so most of the sample is not selected later. The corpus
    should be much larger than the sample: of WMT'14's UN text the sample is one pair in a thousand.

    Args:
        words: number of words of each pair of the corpus [N].
        wanted: approximate number of words of the sample, which has `wanted` / mean length pairs, at least one.
        seed: seed of the draw.
    """
    words = np.asarray(words)
    size = min(len(words), max(1, round(wanted / words.mean()))) if len(words) else 0
    return np.sort(np.random.default_rng(seed).choice(len(words), size, replace=False, shuffle=False))


def keep(scores: npt.NDArray[np.float32], words: npt.ArrayLike, percent: float) -> npt.NDArray[np.bool_]:
    """Return True for the pairs of the lowest scores that together have at most `percent` of the words [N].

    The percentages of the paper's data are of words, not pairs: 45 % of 61M, 34 % of 421M and 30 % of 272.5M words plus
    two whole corpora of 5.5M and 90M words make its 348M.

    Args:
        scores: scores of the pairs; of equal scores the first is kept [N].
        words: number of target words of each pair [N].
        percent: share of words to keep, 0 to 100.
    """
    order = np.argsort(scores, kind="stable")
    held = np.cumsum(np.asarray(words)[order], dtype=np.int64)
    kept = np.zeros(len(scores), np.bool_)
    kept[order[held * 100 <= held[-1:] * percent]] = True
    return kept


def frequent(sentences: pa.StringArray) -> pa.StringArray:
    """Return the words that occur at least MIN_COUNT times, sorted."""
    words, counts = pc.value_counts(pc.list_flatten(pc.split_pattern(sentences, " "))).flatten()
    kept = words.filter(pc.greater_equal(counts, MIN_COUNT))
    return kept.take(pc.sort_indices(kept))


def encode(sentences: pa.StringArray, vocabulary: pa.StringArray) -> tuple[Integers, Integers]:
    """Return the ids of sentences in a row, each from BEGIN to END [T], and their lengths without these two [N]."""
    split = pc.split_pattern(sentences, " ")
    numbers = pc.fill_null(pc.index_in(pc.list_flatten(split), value_set=vocabulary), ngrams.UNKNOWN - ngrams.END - 1)
    lengths = pc.list_value_length(split).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths + 2)
    ids = np.full(ends[-1] if len(ends) else 0, ngrams.END)
    ids[ends - lengths - 2] = ngrams.BEGIN
    ids[np.arange(lengths.sum()) + np.repeat(2 * np.arange(len(lengths)) + 1, lengths)] = (
        numbers.to_numpy() + ngrams.END + 1
    )
    return ids, lengths


def array(sentences: Sentences) -> pa.StringArray:
    """Convert sentences to one Arrow array."""
    if isinstance(sentences, pa.ChunkedArray):
        return sentences.combine_chunks()
    return sentences if isinstance(sentences, pa.Array) else pa.array(sentences, pa.string())
