"""Defects of real parallel text, planted into generated pairs at known rates and counted."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bench.sentences import Block
from bench.words import REAL_WORDS

Pair = tuple[str, str]
Change = Callable[[np.random.Generator, str, str], Pair]

EVERYWHERE = {
    "empty": 0.0005,
    "copy": 0.001,
    "not_utf8": 0.00005,
    "thousands_of_words": 0.0001,
    "long_word": 0.0002,
    "carriage_return": 0.0002,
    "line_separator": 0.0001,
    "paragraph_separator": 0.00005,
    "next_line": 0.0001,
    "vertical_tab": 0.00005,
    "form_feed": 0.00005,
    "soft_hyphen": 0.0005,
    "not_nfc": 0.0005,
    "missing_space": 0.0005,
    "held_out": 0.0001,
    "duplicate": 0.01,
}
"""Shares of the pairs of every corpus. A pair has at most one defect, and a corpus has every defect at least once."""
PECULIAR = {
    "europarl": {"empty": 0.002, "duplicate": 0.02},
    "commoncrawl": {
        "misaligned": 0.01,
        "other_language": 0.015,
        "copy": 0.01,
        "thousands_of_words": 0.0003,
        "long_word": 0.001,
        "duplicate": 0.03,
    },
    "un": {"duplicate": 0.08},
    "news-commentary": {"soft_hyphen": 0.01, "missing_space": 0.01, "held_out": 0.001},
    "giga": {"copy": 0.005, "other_language": 0.003, "duplicate": 0.08, "not_utf8": 0.0001},
}
"""Different shares of corpora, by the start of their names."""

BREAKS = {
    "carriage_return": "\r",
    "line_separator": "\u2028",
    "paragraph_separator": "\u2029",
    "next_line": "\x85",
    "vertical_tab": "\x0b",
    "form_feed": "\x0c",
}
DROPPED_AS = {
    "not_utf8": "not_utf8",
    "empty": "empty",
    "copy": "copy",
    "held_out": "held_out",
    "thousands_of_words": "too_long",
    "long_word": "long_word",
    "other_language": "other_language",
    "duplicate": "duplicate",
}
"""The rule of the cleaning ledger that drops a pair with a defect."""
REPAIRED_AS = dict.fromkeys(BREAKS, "separators") | {"soft_hyphen": "invisible", "not_nfc": "not_nfc"}
"""The repair of a defect. Defects that are neither dropped nor repaired go unnoticed: shifted targets, lost spaces."""


def rates(corpus: str) -> dict[str, float]:
    """Return the share of each defect in a corpus."""
    own = (shares for name, shares in PECULIAR.items() if corpus.startswith(name))
    return EVERYWHERE | next(own, {})


def how_many(draw: np.random.Generator, shares: dict[str, float], pairs: int, first: bool) -> dict[str, int]:
    """Return the number of pairs of a block for each defect, at least one in the `first` block of a corpus."""
    return {kind: max(int(first), int(share * pairs + draw.random())) for kind, share in shares.items()}


@dataclass(frozen=True)
class Stock:
    """Pairs for defects that copy a pair."""

    held_out: Sequence[Pair]  # development and test pairs
    repeated: Sequence[Pair]  # ordinary pairs of a corpus, for duplicates


def plant(
    draw: np.random.Generator, block: Block, wanted: dict[str, int], stock: Stock, spared: int
) -> tuple[Counter[str], set[int]]:
    """Change a block so that some ordinary pairs have a defect.

    Args:
        draw: random numbers.
        block: the pairs, changed in place.
        wanted: number of pairs for each defect; a short block gets fewer.
        stock: leaked and repeated pairs.
        spared: number of pairs at the start of the block to leave alone.

    Returns:
        The number of pairs with each defect, and the indices of the repeated pairs that occur.
    """
    places = draw.permutation(np.flatnonzero(block.ordinary()[spared:]) + spared).tolist()
    counts = Counter[str]()
    used = set[int]()

    def repeat(draw: np.random.Generator, *pair: str) -> Pair:
        if draw.random() < 0.5 and places:
            return block.pair(places[draw.integers(len(places))])  # a pair of this block that stays ordinary
        used.add(number := int(draw.integers(len(stock.repeated))))
        return stock.repeated[number]

    def leak(draw: np.random.Generator, *pair: str) -> Pair:
        return stock.held_out[int(draw.integers(len(stock.held_out)))]

    changes = CHANGES | {"held_out": leak, "duplicate": repeat}
    for kind in sorted(wanted, key=list(changes).index):
        chosen, places = places[: wanted[kind]], places[wanted[kind] :]
        counts[kind] = len(chosen)
        for place in chosen:
            block.sources[place], block.targets[place] = changes[kind](draw, *block.pair(place))
    return counts, used


def on_one_side(change: Callable[[np.random.Generator, str], str], draw: np.random.Generator, *pair: str) -> Pair:
    """Change the source or the target, each with probability 0.5."""
    source, target = pair
    return (change(draw, source), target) if draw.random() < 0.5 else (source, change(draw, target))


def at_a_space(put: Callable[[str, str], str], draw: np.random.Generator, line: str) -> str:
    """Join the parts before and after a random space by the function `put`."""
    spaces = [place for place, sign in enumerate(line) if sign == " "]
    place = spaces[draw.integers(len(spaces))]
    return put(line[:place], line[place + 1 :])


def blank(draw: np.random.Generator, line: str) -> str:
    """Return an empty line, or one of invisible characters."""
    return ("", " ", "\u00a0", "\t")[draw.integers(4)]


def long_word(draw: np.random.Generator, line: str) -> str:
    """Insert a word of hundreds of letters."""
    letters = "".join(filter(str.isalpha, line)) * 20
    return at_a_space(lambda left, right: f"{left} {letters[: draw.integers(200, 800)]} {right}", draw, line)


def foreign(draw: np.random.Generator, line: str) -> str:
    """Return a line of German or Spanish words of the same length."""
    words = REAL_WORDS[("de", "es")[draw.integers(2)]]
    text = " ".join(words[number] for number in draw.integers(0, len(words), line.count(" ") + 1))
    return f"{text[:1].upper()}{text[1:]}."


def thousands_of_words(draw: np.random.Generator, source: str, target: str) -> Pair:
    """Repeat both sides to thousands of words, like a table whose line ends were lost."""
    times = int(draw.integers(2000, 5000)) // (source.count(" ") + 1)
    return " ".join([source] * times), " ".join([target] * times)


def decomposed(draw: np.random.Generator, source: str, target: str) -> Pair:
    """Return the pair with a target in Unicode form NFD."""
    accented = at_a_space(lambda left, right: f"{left} été {right}", draw, target)
    return source, unicodedata.normalize("NFD", accented)


def replaced(sign: str) -> Change:
    """Return a change that replaces a space on either side by a sign."""
    return partial(on_one_side, partial(at_a_space, lambda left, right: f"{left}{sign}{right}"))


CHANGES: dict[str, Change] = {
    "empty": partial(on_one_side, blank),
    "copy": lambda draw, source, target: (source, source),
    "not_utf8": replaced("\udce9 "),  # an e acute in Latin-1, in the form of `surrogateescape`
    "thousands_of_words": thousands_of_words,
    "long_word": partial(on_one_side, long_word),
    "other_language": partial(on_one_side, foreign),
    **{kind: replaced(sign) for kind, sign in BREAKS.items()},
    "soft_hyphen": partial(
        on_one_side, partial(at_a_space, lambda left, right: f"{left} {right[:2]}\u00ad{right[2:]}")
    ),
    "not_nfc": decomposed,
    "missing_space": replaced("."),
}
