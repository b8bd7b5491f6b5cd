"""How fast is alignment, and how many rare words does the lexicon restore? Prints JSON.

    python -m bench.alignment     # the demo's text, vocabularies of 500, 1,000 and 1,500 words: 15 seconds
    python -m bench.alignment --source train.en --target train.fr --dev-source dev.en --dev-target dev.fr
    python -m bench.alignment --generated 100000     # speed and memory alone, on sentences of 25 words by Zipf's law

In the development text's translations, words that the vocabulary lacks are masked by <unk>. `restored` is the share of
them that each way puts back:

- `lexicon` is `s2s.lexicon`.
- `accounted_for` counts each place only so much as known target words leave of it, by their posterior alignment.
- `one_unknown_word` finds the place by a model whose target words are cut to the vocabulary.
- `nearest` takes the place nearest to the diagonal, and its translation.
- `copied` takes the lexicon's place, and the source word itself.
- `chance` is a translation of any source word.

`in_source` and `in_training` are shares of the masked words that stand in the source sentence, or in the training text.
"""

import json
import resource
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer
from numpy.typing import NDArray

from bench.words import draw_ranks
from pipeline.demo import corpus as demo
from s2s.alignment import Alignment, AlignmentSettings, align, diagonal
from s2s.cooccurrence import Sentences
from s2s.counts import count_words, word_vocabulary
from s2s.lexicon import AT_ALL, UNKNOWN, Lexicon, Text, learn, number_words
from s2s.text import normalize, tokenize

Lines = list[str]  # tokens joined by spaces
DEMO_PAIRS = 30_000, 1_000
NEVER = 1e-9  # probability of a translation that training does not show


def main(
    source: Annotated[Path | None, typer.Option(help="plain text, one sentence a line; none: the demo's")] = None,
    target: Path | None = None,
    dev_source: Path | None = None,
    dev_target: Path | None = None,
    source_language: str = "en",
    target_language: str = "fr",
    pairs: Annotated[int, typer.Option(help="aligned, at most")] = 100_000,
    vocabulary: Annotated[list[int] | None, typer.Option(help="words of the target vocabulary; many times")] = None,
    iterations: int = 5,
    generated: Annotated[int, typer.Option(help="pairs of random words, to be aligned instead")] = 0,
) -> None:
    """Aligns a text, restores masked words and prints what came of it."""
    settings = AlignmentSettings(iterations)
    if generated:
        print(json.dumps(speed(*random_text(generated), settings), indent=2))
        return
    files = [path for path in (source, target, dev_source, dev_target) if path is not None]
    languages = source_language, target_language
    texts = [*read(files[:2], languages), *read(files[2:], languages)] if files else demo_texts()
    train, dev = ([lines[:pairs] for lines in texts[:2]], texts[2:])
    numbered = [number_words([pa.chunked_array([lines])]) for lines in train]
    found = speed(numbered[0].sentences, numbered[1].sentences, settings)
    sizes = vocabulary or [500, 1_000, 1_500]
    restored = {size: measure(numbered, train[1], dev, size, settings) for size in sizes}
    print(json.dumps(found | {"vocabularies": restored}, indent=2))


def read(files: Sequence[Path], languages: Sequence[str]) -> list[Lines]:
    """The two sides of a text, tokenized, without the pairs of which one is empty."""
    sides = [file.read_text(encoding="utf-8").removesuffix("\n").split("\n") for file in files]
    found = [
        [tokenize(normalize(line, language, punctuation=True), language) for line in side]
        for side, language in zip(sides, languages, strict=True)
    ]
    return [list(side) for side in zip(*filter(all, zip(*found, strict=True)), strict=True)]


def demo_texts() -> list[Lines]:
    """Sources and targets to learn from, and to restore."""
    corpus = demo.generate(1, *DEMO_PAIRS, 1, 60)
    return [
        [tokenize(pair[side], language) for pair in corpus[split]]
        for split in ("train", "dev")
        for side, language in enumerate(("en", "fr"))
    ]


def random_text(pairs: int) -> tuple[Sentences, Sentences]:
    """Sentences of about 25 words, some with 80; the target's are the source's and every tenth word again."""
    draw = np.random.default_rng(1)
    lengths = np.clip(draw.gamma(2.5, 9.5, pairs), 3, 73).astype(np.int32)
    _, ids = np.unique(draw_ranks(draw, int(lengths.sum())), return_inverse=True)
    again = np.where(np.arange(len(ids)) % 10 == 0, 2, 1)
    sums = np.add.reduceat(again, np.cumsum(lengths) - lengths)
    return Sentences(ids.astype(np.int32), lengths), Sentences(
        np.repeat(ids, again).astype(np.int32), sums.astype("i4")
    )


def speed(source: Sentences, target: Sentences, settings: AlignmentSettings) -> dict[str, float]:
    """What aligning takes."""
    cells = int((source.lengths.astype(np.int64) * target.lengths).sum())
    before, start = peak_bytes(), time.perf_counter()
    aligned = align(source, target, settings)
    seconds, grown = time.perf_counter() - start, peak_bytes() - before
    return {
        "pairs": len(source.lengths),
        "mean_source_words": round(float(source.lengths.mean()), 1),
        "iterations": settings.iterations,
        "seconds": round(seconds, 1),
        "pairs_per_second": round(len(source.lengths) / seconds),
        "cells": cells,
        "entries": len(aligned.targets),
        "peak_memory_mb": round(peak_bytes() / 1e6),
        "aligning_mb": round(grown / 1e6),
        "tension": round(aligned.tension, 2),
    }


def peak_bytes() -> int:
    """The most memory that the process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(train: list[Text], target: Lines, dev: list[Lines], size: int, settings: AlignmentSettings) -> object:
    """The shares of masked words that each way restores."""
    vocabulary = word_vocabulary(count_words(pa.chunked_array([target])), size, 1)
    words = train[1].words.to_pylist()
    known, learned = np.array([word in vocabulary.numbers for word in words]), set(words)
    lexicon = learn(train[0], train[1], known, settings)
    ways: dict[str, Lexicon | Leftover] = {
        "lexicon": lexicon,
        "accounted_for": Leftover.of(lexicon, train, known, align(train[0].sentences, train[1].sentences, settings)),
        "one_unknown_word": with_places(lexicon, train, known, settings),
        "nearest": changed(lexicon, dict.fromkeys(lexicon.translations, 1.0), 1.0),
        "copied": replace(lexicon, translations={w: (None, p) for w, (_, p) in lexicon.translations.items()}),
    }
    shares: dict[str, list[float]] = defaultdict(list)
    for source, truth, masked in masked_pairs(dev, set(vocabulary.numbers)):
        places = [place for place, word in enumerate(masked) if word == UNKNOWN]
        for name, way in ways.items():
            said = way.replace(source, masked)
            shares[name] += [said[place] == truth[place] for place in places]
        for place in places:
            shares["chance"].append(fmean(lexicon.translate(word) == truth[place] for word in source))
            shares["in_source"].append(truth[place] in source)
            shares["in_training"].append(truth[place] in learned)
    rounded = {name: round(fmean(found), 4) for name, found in shares.items()}
    limits = {name: rounded.pop(name) for name in ("in_source", "in_training")}
    return {"masked": len(shares["lexicon"]), "restored": rounded} | limits


def masked_pairs(dev: list[Lines], known: set[str]) -> Iterator[tuple[Lines, Lines, Lines]]:
    """Source, target and masked target of each pair in which a word is masked, as words."""
    for source, target in zip(*dev, strict=True):
        truth = target.split()
        masked = [word if word in known else UNKNOWN for word in truth]
        if UNKNOWN in masked:
            yield source.split(), truth, masked


def changed(lexicon: Lexicon, scores: dict[str, float], unseen: float) -> Lexicon:
    """The lexicon with other probabilities to find places by."""
    translations = {word: (lexicon.translations[word][0], score) for word, score in scores.items()}
    return replace(lexicon, translations=translations, unseen=unseen)


def with_places(lexicon: Lexicon, train: list[Text], known: NDArray[np.bool_], settings: AlignmentSettings) -> Lexicon:
    """The lexicon with places found by a model in which all words that the vocabulary lacks are the word 0."""
    numbers = np.where(known, np.cumsum(known), 0).astype(np.int32)
    target = Sentences(numbers[train[1].sentences.ids], train[1].sentences.lengths)
    aligned = align(train[0].sentences, target, settings)
    first = np.minimum(aligned.starts[:-1], len(aligned.targets) - 1)
    scores = np.where(aligned.targets[first] == 0, aligned.translation[first], 0.0)
    once = scores[np.bincount(train[0].sentences.ids) == 1]
    scored = dict(zip(train[0].words.to_pylist(), scores.tolist(), strict=True))
    return replace(changed(lexicon, scored, float(once.mean()) if len(once) else 0.0), tension=aligned.tension)


@dataclass(frozen=True)
class Leftover:
    """A lexicon whose places count as much as known target words leave of them."""

    lexicon: Lexicon
    translation: dict[tuple[str, str], float]
    unaligned: dict[str, float]
    null: float

    @classmethod
    def of(cls, lexicon: Lexicon, train: list[Text], known: NDArray[np.bool_], aligned: Alignment) -> "Leftover":
        """Takes what is learned of known words from an alignment of all words."""
        source, target = (text.words.to_pylist() for text in train)
        words = np.repeat(np.arange(len(source)), np.diff(aligned.starts))
        kept = np.flatnonzero(known[aligned.targets] & (aligned.translation > NEVER)).tolist()
        entries = {(source[words[n]], target[aligned.targets[n]]): float(aligned.translation[n]) for n in kept}
        return cls(lexicon, entries, dict(zip(target, aligned.unaligned.tolist(), strict=True)), aligned.null)

    def replace(self, source: Lines, target: Lines) -> Lines:
        """Puts words in the places of <unk>."""
        joint = np.array([[self.translation.get((f, e), NEVER) for e in target] for f in source])
        joint *= (1 - self.null) * diagonal(len(source), len(target), self.lexicon.tension)
        total = joint.sum(axis=0) + self.null * np.array([self.unaligned.get(e, NEVER) for e in target])
        known = np.array([word != UNKNOWN for word in target])
        left = np.prod(1 - joint[:, known] / total[known], axis=1)
        scores = dict(zip(source, (self.lexicon.score(source) * np.maximum(left, AT_ALL)).tolist(), strict=True))
        said = {word: (self.lexicon.translate(word), score) for word, score in scores.items()}
        return replace(self.lexicon, translations=said).replace(source, target)


if __name__ == "__main__":
    typer.run(main)
