"""Measure the difficulty of a parallel corpus: its words, lengths, new test n-grams, and the BLEU of a dictionary.

Legend: S source types including the null word, V target types, K links (a source and a target token of one pair).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from sacrebleu.metrics.bleu import BLEU

from s2s.errors import check

Pair = tuple[str, str]  # source and target: tokens joined by one space
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
ORDER = 4
QUANTILES = (0.1, 0.5, 0.9, 0.99, 1.0)
TRAIN_LIMIT = 500_000  # pairs: 20 s for long sentences
DICTIONARY_LIMIT = 20_000  # pairs: enough for the frequent words, which decide BLEU
LINK_LIMIT = 4_000_000  # 150 MB
ITERATIONS = 5


@dataclass(frozen=True)
class HeldOut:
    """A test set: tokenized pairs, plain references, and a function that detokenizes."""

    pairs: Sequence[Pair]
    references: Sequence[str]
    detokenize: Callable[[str], str]


def measure(train: Iterable[Pair], test: HeldOut, limit: int = TRAIN_LIMIT) -> dict[str, Any]:
    """Measure a corpus in one pass over its first `limit` training pairs.

    Args:
        train: training pairs (source tokens, target tokens); an iterator is fine.
        test: the test set.
        limit: the most training pairs that are read; the result has their number.

    Returns:
        Numbers for JSON. A test source shorter than four tokens counts as new unless it is a whole training source.

    Raises:
        UserError: the training or the test set is empty.
    """
    sources, targets, first = Side(), Side(), list[Pair]()
    new = {gram for source, _ in test.pairs for gram in grams(source)}
    unread = {source for source, _ in test.pairs}
    for source, target in islice(train, limit):
        sources.add(source)
        targets.add(target)
        new.difference_update(grams(source))
        unread.discard(source)
        if len(first) < DICTIONARY_LIMIT:
            first.append((source, target))
    check(
        sources.pairs and test.pairs,
        f"difficulty: found {sources.pairs} training and {len(test.pairs)} test pairs; expected some",
    )
    tested = [source for source, _ in test.pairs]
    return {
        "train_pairs_measured": sources.pairs,
        "source": sources.summary(),
        "target": targets.summary(),
        "test_share_with_new_4gram": share(any(gram in new for gram in grams(source)) for source in tested),
        "test_share_in_training": share(source not in unread for source in tested),
        **dictionary_bleu(first, test),
    }


class Side:
    """Counts of the words and of the sentence lengths of one language."""

    def __init__(self) -> None:
        self.pairs = 0
        self.words: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()

    def add(self, sentence: str) -> None:
        """Add a sentence."""
        tokens = sentence.split(" ")
        self.pairs += 1
        self.words.update(tokens)
        self.lengths[len(tokens)] += 1

    def summary(self) -> dict[str, Any]:
        """Return numbers of tokens, types and types seen once, and mean and quantiles of lengths in tokens."""
        tokens = self.words.total()
        return {
            "tokens": tokens,
            "types": len(self.words),
            "types_seen_once": sum(count == 1 for count in self.words.values()),
            "mean_length": round(tokens / max(1, self.pairs), 6),
            "length_quantiles": {f"{part:g}": self.quantile(part) for part in QUANTILES},
        }

    def quantile(self, part: float) -> int:
        """Return the shortest length in tokens that a share `part` of the sentences does not exceed."""
        seen = 0
        for length in sorted(self.lengths):
            seen += self.lengths[length]
            if seen >= part * self.pairs:
                return length
        return 0


def grams(sentence: str) -> Iterable[tuple[str, ...]]:
    """Return the 4-grams of a sentence, or the whole sentence if it is shorter."""
    tokens = sentence.split(" ")
    return zip(*(tokens[i:] for i in range(ORDER)), strict=False) if len(tokens) >= ORDER else [tuple(tokens)]


def share(statements: Iterable[bool]) -> float:
    """Return the share of statements that are true."""
    values = list(statements)
    return round(sum(values) / len(values), 6)


def dictionary_bleu(train: Sequence[Pair], test: HeldOut) -> dict[str, Any]:
    """Compute BLEU (sacreBLEU 13a) of a word-for-word translation with a dictionary learned from training pairs."""
    used = within_links(train)
    dictionary = learn_dictionary(used)
    hypotheses = [test.detokenize(" ".join(dictionary.get(word, word) for word in s.split(" "))) for s, _ in test.pairs]
    metric = BLEU(tokenize="13a")
    score = metric.corpus_score(hypotheses, [list(test.references)]).score
    return {
        "dictionary_bleu": round(score, 6),
        "dictionary_bleu_signature": str(metric.get_signature()),
        "dictionary_pairs": len(used),
    }


def within_links(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the first pairs that together have at most `LINK_LIMIT` links."""
    links, used = 0, list[Pair]()
    for source, target in pairs:
        links += (source.count(" ") + 2) * (target.count(" ") + 1)
        if links > LINK_LIMIT:
            break
        used.append((source, target))
    return used


def learn_dictionary(pairs: Sequence[Pair], iterations: int = ITERATIONS) -> dict[str, str]:
    """Return the most probable target word of each source word by IBM model 1 (Brown et al. 1993).

    Of equal probabilities the more frequent target word is taken, then the first by code point. The null word, number
    0, accounts for target words that occur with every source word.
    """
    source_words, target_words = by_frequency(s for s, _ in pairs), by_frequency(t for _, t in pairs)
    sources = {word: i + 1 for i, word in enumerate(source_words)}  # 0 is the null word
    targets = {word: i for i, word in enumerate(target_words)}
    links, positions = link(pairs, sources, targets)
    entries, entry = np.unique(links, return_inverse=True)
    probabilities = model_1(entries // len(targets), entry, positions, iterations)
    best: dict[int, tuple[float, int]] = {}
    for key, probability in zip(entries.tolist(), np.round(probabilities, 9).tolist(), strict=True):
        source, target = divmod(key, len(targets))
        if source not in best or probability > best[source][0]:
            best[source] = (probability, target)
    return {word: target_words[best[i][1]] for word, i in sources.items()}


def by_frequency(sentences: Iterable[str]) -> list[str]:
    """Return the types by falling frequency, then by code point."""
    counts = Counter(word for sentence in sentences for word in sentence.split(" "))
    return sorted(counts, key=lambda word: (-counts[word], word))


def link(pairs: Sequence[Pair], sources: dict[str, int], targets: dict[str, int]) -> tuple[Integers, Integers]:
    """Return all links as source * V + target [K], and the corpus position of the target token of each [K]."""
    keys, positions, position = [], [], 0
    for source, target in pairs:
        left = np.array([0, *(sources[word] for word in source.split(" "))], np.int64)
        right = np.array([targets[word] for word in target.split(" ")], np.int64)
        keys.append((left[:, None] * len(targets) + right).ravel())
        positions.append(np.tile(np.arange(position, position + len(right)), len(left)))
        position += len(right)
    return np.concatenate(keys), np.concatenate(positions)


def model_1(sources: Integers, entry: Integers, positions: Integers, iterations: int) -> Floats:
    """Compute p(target | source) of each dictionary entry by expectation maximization.

    Args:
        sources: source word of each entry.
        entry: entry of each link [K].
        positions: corpus position of the target token of each link [K].
        iterations: number of iterations, from the uniform distribution.
    """
    probabilities: Floats = np.ones(len(sources))
    for _ in range(iterations):
        linked = probabilities[entry]
        linked /= np.bincount(positions, linked)[positions]
        counts = np.bincount(entry, linked, len(sources))
        probabilities = counts / np.bincount(sources, counts)[sources]
    return probabilities
