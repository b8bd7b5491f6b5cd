"""The English verb group: auxiliaries, do-support, inversion, negation and adverb in their places."""

from pipeline.sources.demo.lexicon import DOUBLING, Verb
from pipeline.sources.demo.tree import Clause, Features

Words = list[str]
TO_BE = Verb("be", "was", "been", "", "être", False, "", "", "", "s")
BE = {"present": ("am", "are", "is", "are"), "past": ("was", "were", "was", "were")}
# Auxiliary of a tense, its own tense, and the form of the verb after it.
AUXILIARIES = {
    "progressive": ("be", "present", "gerund"),
    "past_progressive": ("be", "past", "gerund"),
    "perfect": ("have", "present", "participle"),
    "pluperfect": ("have", "past", "participle"),
    "future": ("will", "present", "base"),
    "conditional": ("would", "present", "base"),
}


def verb_group(tree: Clause, verb: Verb, agree: Features, inverted: Words | None) -> Words:
    """Return the verb with auxiliaries, inverted subject, negation and adverb in their places."""
    first, *rest = chain(tree, verb, agree)
    light = rest or verb.base == "be"
    if not light and (tree.negation == "not" or inverted is not None):
        first, rest = finite("do", "did", tense_of(tree), agree), [verb.base]
        light = rest
    middle = [*(inverted or []), tree.negation, tree.middle.english if tree.middle else ""]
    if first == "can" and tree.negation == "not" and inverted is None:
        first, middle = "cannot", middle[1:]
    return [first, *middle, *rest] if light else [*middle, first]


def tense_of(tree: Clause) -> str:
    """Return the tense of the finite form, which is the present for a future after `when`."""
    return "past" if tree.tense == "past" else "present"


def chain(tree: Clause, verb: Verb, agree: Features) -> Words:
    """Return auxiliary and verb, or the finite verb alone."""
    if tree.modal:
        return [tree.modal.english, verb.base]
    if tree.tense in AUXILIARIES:
        auxiliary, tense, form = AUXILIARIES[tree.tense]
        last = {"gerund": gerund(verb.base), "participle": verb.participle, "base": verb.base}[form]
        return [finite(auxiliary, "had", tense, agree), last]
    return [finite(verb.base, verb.past, tense_of(tree), agree)]


def finite(base: str, past: str, tense: str, agree: Features) -> str:
    """Return a verb in the present or past."""
    if base == "be":
        return BE[tense][2 if agree.person == 3 and not agree.plural else agree.plural]
    if tense == "past" or base in ("will", "would"):
        return past if tense == "past" else base
    return base if agree.plural or agree.person != 3 else third_person(base)


def third_person(base: str) -> str:
    """Return the third person singular: sees, goes, has, carries, watches."""
    if base == "have":
        return "has"
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    return base[:-1] + "ies" if base.endswith("y") and base[-2] not in "aeou" else base + "s"


def gerund(base: str) -> str:
    """Return the gerund: seeing, taking, dying, running."""
    if base.endswith("ie"):
        return base[:-2] + "ying"
    if base.endswith("e") and base != "be" and not base.endswith("ee"):
        return base[:-1] + "ing"
    return base + base[-1] * (base in DOUBLING) + "ing"
