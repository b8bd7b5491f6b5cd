"""The demo corpus: distinct sentence pairs of the phrase grammar, split into train, dev and test."""

from pipeline.sources.demo import english, french
from pipeline.sources.demo.grammar import Grammar

Pairs = list[tuple[str, str]]


def generate(seed: int, train_pairs: int, dev_pairs: int, test_pairs: int, max_words: int) -> dict[str, Pairs]:
    """Generate the corpus, with the same bytes for the same arguments on every machine.

    Args:
        seed: Any whole number.
        train_pairs: Distinct training pairs.
        dev_pairs: Pairs whose sources do not occur in training.
        test_pairs: Pairs whose sources occur in neither training nor development pairs.
        max_words: Longest sentence on either side, in words separated by spaces.

    Returns:
        Pairs of English and French, as plain text, under "train", "dev" and "test".
    """
    grammar = Grammar(seed, max_words)
    pairs = distinct(grammar, train_pairs + dev_pairs + test_pairs, max_words)
    grammar.shuffle(pairs)  # otherwise short sentences come first, because later draws repeat them
    held_out = dev_pairs + test_pairs
    return {"train": pairs[held_out:], "dev": pairs[:dev_pairs], "test": pairs[dev_pairs:held_out]}


def distinct(grammar: Grammar, size: int, max_words: int) -> Pairs:
    """Draw pairs until there are `size` different sources."""
    pairs: dict[str, str] = {}
    while len(pairs) < size:
        tree = grammar.sentence()
        source = english.sentence(tree)
        if source in pairs or len(source.split(" ")) > max_words:
            continue
        target = french.sentence(tree)
        if len(target.split(" ")) <= max_words:
            pairs[source] = target
    return list(pairs.items())
