"""Random sentence pairs: log-normal lengths around 27 words, Zipf's words, punctuation as in real text."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.words import Lexicon, draw_ranks

WORDS, SPREAD, LONGEST = 27, 0.6, 200  # words of an English sentence: mean, sigma of the logarithm, limit
GROWTH, NOISE = 1.1, 0.15  # French words for each English word: median, sigma of the logarithm
BETWEEN = (" ", ", ", "; ", ": ", " - ", " – ", "/", "... ", "' ")
BETWEEN_SHARES = (0.908, 0.075, 0.003, 0.005, 0.003, 0.002, 0.002, 0.001, 0.001)
ENDS = (".\n", "\n", "?\n", "!\n", ":\n", ";\n", '."\n')
ENDS_SHARES = (0.86, 0.06, 0.02, 0.01, 0.02, 0.02, 0.01)
SPANS = {  # brackets and quotation marks around some words of a sentence, with their shares of sentences
    "en": {(" (", ") "): 0.05, (' "', '" '): 0.025, (" “", "” "): 0.02, (" ‘", "’ "): 0.005, (" [", "] "): 0.005},
    "fr": {
        (" (", ") "): 0.05,
        (" «\u00a0", "\u00a0» "): 0.025,
        (' "', '" '): 0.02,
        (" “", "” "): 0.005,
        (" [", "] "): 0.005,
    },
}
SPAN_WORDS = 9  # words of the shortest sentence with a span

Counts = NDArray[np.int64]


@dataclass
class Block:
    """Sentence pairs with the numbers of words that were drawn for them."""

    sources: list[str]
    targets: list[str]
    source_words: Counts
    target_words: Counts

    def pair(self, place: int) -> tuple[str, str]:
        """Return the pair at an index."""
        return self.sources[place], self.targets[place]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Return all pairs."""
        return zip(self.sources, self.targets, strict=True)

    def ordinary(self) -> NDArray[np.bool_]:
        """Return a mask of the pairs far from the limits of length and ratio, which only a planted defect can drop."""
        short, long = np.minimum(self.source_words, self.target_words), np.maximum(self.source_words, self.target_words)
        return (short >= 10) & (long <= 60) & (long <= 1.5 * short)


def draw_block(draw: np.random.Generator, pairs: int, misaligned: int = 0) -> Block:
    """Draw pairs.

    The targets of the first `misaligned` pairs are shifted by one place.
    """
    middle = np.log(WORDS) - SPREAD**2 / 2
    source = draw.lognormal(middle, SPREAD, pairs).round().clip(1, LONGEST).astype(np.int64)
    target = (source * draw.lognormal(np.log(GROWTH), NOISE, pairs)).round().clip(1, LONGEST).astype(np.int64)
    target[:misaligned] = np.roll(target[:misaligned], 1)
    return Block(draw_text(draw, "en", source), draw_text(draw, "fr", target), source, target)


def draw_text(draw: np.random.Generator, language: str, lengths: Counts) -> list[str]:
    """Draw sentences of given numbers of words."""
    last = lengths.cumsum() - 1
    words = lexicon(language).words(draw_ranks(draw, int(lengths.sum())))
    gaps = draw_gaps(draw, language, lengths, last)
    pieces = [""] * (2 * len(words))
    pieces[::2], pieces[1::2] = words, gaps
    return [line[:1].upper() + line[1:] for line in "".join(pieces).split("\n")[:-1]]


def draw_gaps(draw: np.random.Generator, language: str, lengths: Counts, last: Counts) -> list[str]:
    """Draw the separator after each word, mostly a space.

    `last` has the positions of the sentences' last words.
    """
    spans = SPANS[language]
    signs = [*BETWEEN, *ENDS, *(sign for pair in spans for sign in pair)]
    codes = chosen(draw, BETWEEN_SHARES, int(lengths.sum()))
    which = chosen(draw, (1 - sum(spans.values()), *spans.values()), len(lengths))
    enclosing = np.flatnonzero((which > 0) & (lengths >= SPAN_WORDS))
    opening = last[enclosing] - lengths[enclosing] + 1 + draw.integers(0, lengths[enclosing] - 5)
    first = len(BETWEEN) + len(ENDS) - 2 + 2 * which[enclosing]
    codes[opening] = first
    codes[opening + draw.integers(1, 4, len(opening))] = first + 1
    codes[last] = len(BETWEEN) + chosen(draw, ENDS_SHARES, len(lengths))
    return list(map(signs.__getitem__, codes.tolist()))


def chosen(draw: np.random.Generator, shares: tuple[float, ...], count: int) -> Counts:
    """Draw indices with given probabilities."""
    return np.searchsorted(np.cumsum(shares)[:-1], draw.random(count), side="right")


@cache
def lexicon(language: str) -> Lexicon:
    """Return the words of a language, cached because building them takes a second."""
    return Lexicon(language)
