"""The demo corpus: distinct sentence pairs of the phrase grammar, split into train, dev and test."""

from pipeline.demo import english, french
from pipeline.demo.grammar import Grammar

Pairs = list[tuple[str, str]]


def generate(seed: int, train_pairs: int, dev_pairs: int, test_pairs: int, max_words: int) -> dict[str, Pairs]:
    """Generates the corpus; the same arguments give the same bytes on every machine.

    Args:
        seed: Any whole number.
        train_pairs: Distinct training pairs.
        dev_pairs: Pairs whose sources do not occur in training.
        test_pairs: Likewise, and not among the development pairs.
        max_words: Words, by spaces, of the longest sentence on either side.

    Returns:
        Pairs of English and French, as plain text, under "train", "dev" and "test".
    """
    grammar = Grammar(seed, max_words)
    pairs = distinct(grammar, train_pairs + dev_pairs + test_pairs, max_words)
    grammar.shuffle(pairs)  # short sentences come early, because they come again later
    held_out = dev_pairs + test_pairs
    return {"train": pairs[held_out:], "dev": pairs[:dev_pairs], "test": pairs[dev_pairs:held_out]}


def distinct(grammar: Grammar, size: int, max_words: int) -> Pairs:
    """Pairs with sources that are all different."""
    found: dict[str, str] = {}
    while len(found) < size:
        tree = grammar.sentence()
        source = english.sentence(tree)
        if source in found or len(source.split(" ")) > max_words:
            continue
        target = french.sentence(tree)
        if len(target.split(" ")) <= max_words:
            found[source] = target
    return list(found.items())
