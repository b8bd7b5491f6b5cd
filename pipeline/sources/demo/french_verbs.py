"""The French verb group: negation, clitics, auxiliary, adverb and participle in their places."""

from pipeline.sources.demo.conjugation import conjugate, participle
from pipeline.sources.demo.french_words import Words, clitic, order_clitics, reflexive
from pipeline.sources.demo.lexicon import Verb
from pipeline.sources.demo.tree import Act, Clause, Features, Pronoun

# French tenses of English ones: a simple tense, or the tense of the auxiliary before the participle.
SIMPLE = {
    "present": "present",
    "progressive": "present",
    "past_progressive": "imperfect",
    "future": "future",
    "when_future": "future",
    "conditional": "conditional",
}
COMPOUND = {"past": "present", "perfect": "present", "pluperfect": "imperfect"}
TO_BE = Verb("be", "was", "been", "", "être", False, "", "", "", "s")
TO_BE_DONE = Verb("be", "was", "been", "", "être", False, "", "", "", "")
HAVE = Verb("have", "had", "had", "", "avoir", False, "", "", "", "s")


def passive_of(verb: Verb) -> Verb:
    """Return the passive's auxiliary: était admiré (a state), a été écrit (an event)."""
    return TO_BE if verb.state else TO_BE_DONE


def clitics(node: Act, agree: Features) -> Words:
    """Return the pronouns before the verb, in order."""
    pronouns = [reflexive(agree)] if node.verb.reflexive else []
    if isinstance(node.object, Pronoun) and not stands_after(node.verb):
        pronouns.append(clitic(node.object, dative=bool(node.verb.preposition)))
    if isinstance(node.recipient, Pronoun):
        pronouns.append(clitic(node.recipient, dative=True))
    return order_clitics(pronouns)


def stands_after(verb: Verb) -> bool:
    """Return True if a pronoun follows the verb: rêver de lui, penser à lui."""
    return verb.preposition == "de" or "t" in verb.marks


def verb_group(tree: Clause, verb: Verb, agree: Features, pronouns: Words, direct: Features | None = None) -> Words:
    """Return negation, clitics, finite verb, adverb and participle in their places.

    `direct` are the features of a direct object before the verb. The participle agrees with it if the
    auxiliary is avoir, else with the subject.
    """
    first, last = forms(tree, verb, agree, direct)
    before, after = ([first], [*pronouns, last]) if tree.modal else ([*pronouns, first], [last] if last else [])
    middle = tree.middle.french.split(" ") if tree.middle else []
    if tree.negation:
        return ["ne", *before, {"not": "pas", "never": "jamais"}[tree.negation], *middle, *after]
    return [*before, *middle, *after]


def forms(tree: Clause, verb: Verb, agree: Features, direct: Features | None) -> tuple[str, str]:
    """Return the finite form, and the participle or infinitive after it."""
    if tree.modal:
        return conjugate(tree.modal.french, tree.modal.tense, agree.person, agree.plural), verb.french
    tense = "past_progressive" if tree.tense == "past" and verb.state else tree.tense
    if tense in SIMPLE:
        return conjugate(verb.french, SIMPLE[tense], agree.person, agree.plural), ""
    auxiliary = "être" if verb.with_etre else "avoir"
    controller = agree if verb.with_etre else direct
    done = participle(verb.french, controller.feminine, controller.plural) if controller else participle(verb.french)
    return conjugate(auxiliary, COMPOUND[tense], agree.person, agree.plural), done
