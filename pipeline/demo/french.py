"""French: a parse tree as French words, in agreement."""

from pipeline.demo.conjugation import participle
from pipeline.demo.french_verbs import HAVE, clitics, passive_of, stands_after, verb_group
from pipeline.demo.french_words import Words, adjective, assemble, contract, determine, stressed, subject_pronoun
from pipeline.demo.tree import (
    Act,
    Adverbial,
    Clause,
    Coordination,
    Existence,
    Features,
    Gap,
    Group,
    Name,
    Nominal,
    NounPhrase,
    Passive,
    Place,
    Predicate,
    Pronoun,
    Question,
    Sentence,
    State,
    Subordination,
    Weather,
    features,
)

CONJUNCTIONS = {
    "and": "et",
    "but": "mais",
    "or": "ou",
    "because": "parce que",
    "when": "quand",
    "if": "si",
    "while": "pendant que",
    "so": "donc",
}
QUESTIONS = {
    "": "est-ce que",
    "what": "qu'est-ce que",
    "where": "où est-ce que",
    "when": "quand est-ce que",
    "why": "pourquoi est-ce que",
}


def sentence(tree: Sentence) -> str:
    """The sentence as text: capital, elisions, full stop or question mark after a space."""
    return assemble(words(tree)) + (" ?" if isinstance(tree, Question) else ".")


def words(tree: Sentence) -> Words:
    """The words of a sentence before elision, commas included."""
    match tree:
        case Clause():
            return clause(tree)
        case Question():
            opening = "qui" if tree.word == "who" else QUESTIONS[tree.word]
            return [*opening.split(" "), *clause(tree.clause)]
        case Subordination():
            subordinate = [*CONJUNCTIONS[tree.conjunction].split(" "), *clause(tree.subordinate)]
            main = clause(tree.main)
            return [*subordinate, ",", *main] if tree.first else [*main, *subordinate]
        case Coordination():
            *rest, last = [clause(one) for one in tree.clauses]
            listed = [word for one in rest for word in [*one, ","]]
            return [*listed[:-1], *[","] * (tree.conjunction in ("but", "so")), CONJUNCTIONS[tree.conjunction], *last]


def clause(tree: Clause) -> Words:
    """Subject and predicates, the fronted adverbial before them."""
    fronted = [*adverbials((tree.fronted,)), ","] if tree.fronted else []
    impersonal = isinstance(tree.predicates[0], Existence | Weather)
    joined = [*fronted, *(["il"] if impersonal else noun_phrase(tree.subject))]
    for i, one in enumerate(tree.predicates):
        joined += [*["et"] * (i > 0), *predicate(tree, one)]
    return joined


def predicate(tree: Clause, one: Predicate) -> Words:
    """The verb group with what follows it."""
    agree = features(tree.subject)
    match one:
        case Act():
            return act(tree, one, agree)
        case Passive():
            agent = ["par", *noun_phrase(one.agent)] if one.agent else []
            done = participle(one.verb.french, agree.feminine, agree.plural)
            group = verb_group(tree, passive_of(one.verb), agree, [])
            rest = [done, *agent]
        case State():
            group, rest = verb_group(tree, one.verb, agree, []), state(one, agree)
        case Existence():
            group = verb_group(tree, HAVE, Features(), ["y"])
            rest = noun_phrase(one.noun, negated=bool(tree.negation))
        case Weather():
            group, rest = verb_group(tree, one.verb, Features(), []), []
    return [*group, *rest, *adverbials(one.after)]


def act(tree: Clause, one: Act, agree: Features) -> Words:
    """An active verb: clitics before it, the other objects after it."""
    precedes = isinstance(one.object, Gap | Pronoun) and not one.verb.preposition
    before = features(one.object) if one.object and precedes else None
    group = verb_group(tree, one.verb, agree, clitics(one, agree), before)
    return [*group, *act_rest(one, agree, bool(tree.negation))]


def act_rest(one: Act, agree: Features, negated: bool) -> Words:
    """Objects that are no clitics, infinitive, clause and adverbials."""
    rest = object_words(one, negated)
    if one.recipient and not isinstance(one.recipient, Pronoun):
        rest += prepositional("à", one.recipient)
    if one.infinitive:
        inner = one.infinitive
        rest += [one.verb.link] if one.verb.link else []
        rest += [*clitics(inner, agree), inner.verb.french, *act_rest(inner, agree, negated)]
    if one.content:
        rest += ["que", *clause(one.content)]
    if one.goal:
        rest += prepositional(one.goal.preposition.french, one.goal.phrase)
    return rest + adverbials(one.after)


def object_words(one: Act, negated: bool) -> Words:
    """The object where it follows the verb."""
    if one.object is None or isinstance(one.object, Gap):
        return []
    if isinstance(one.object, Pronoun):
        return [one.verb.preposition, stressed(one.object)] if stands_after(one.verb) else []
    if one.verb.preposition:
        return prepositional(one.verb.preposition, one.object)
    return noun_phrase(one.object, negated=negated)


def state(one: State, agree: Features) -> Words:
    """What follows a linking verb."""
    if one.noun:
        return noun_phrase(one.noun)
    if not one.adjective:
        return []
    form = adjective(one.adjective, agree.feminine, agree.plural)
    if not one.comparison:
        return [*(one.degree.french.split(" ") if one.degree else []), form]
    standard = ["que", *standard_words(one)] if one.standard else []
    if one.comparison == "more" and one.adjective.french == "bon":
        return [form.replace("bonne", "meilleure").replace("bon", "meilleur"), *standard]
    return [{"more": "plus", "less": "moins", "as": "aussi"}[one.comparison], form, *standard]


def standard_words(one: State) -> Words:
    """What one compares with."""
    assert one.standard
    return [stressed(one.standard)] if isinstance(one.standard, Pronoun) else noun_phrase(one.standard)


def noun_phrase(phrase: NounPhrase, negated: bool = False) -> Words:
    """A noun phrase; under negation an indefinite direct object has de alone (pas de voiture)."""
    match phrase:
        case Pronoun():
            return [subject_pronoun(phrase)]
        case Name():
            return phrase.words.french.split(" ")
        case Group():
            return joined([noun_phrase(member) for member in phrase.members])
        case Nominal():
            return nominal(phrase, negated)
        case Gap():
            return []


def joined(members: list[Words]) -> Words:
    """A, B et C."""
    *rest, last = members
    commas = [word for one in rest for word in [*one, ","]][:-1]
    return [*commas, "et", *last]


def nominal(phrase: Nominal, negated: bool) -> Words:
    """Determiner, adjectives on their sides of the noun, owner, place, relative clause."""
    agree = features(phrase)
    noun = phrase.noun.french_plural if phrase.plural else phrase.noun.french
    before = [one for one in phrase.adjectives if one.before]
    core = noun.split(" ")
    for one in reversed(before):
        core = [adjective(one, agree.feminine, agree.plural, core[0]), *core]
    core += [adjective(one, agree.feminine, agree.plural) for one in phrase.adjectives if not one.before]
    core = determine(phrase, core, bool(before), negated)
    core += prepositional("de", phrase.owner) if phrase.owner else []
    return [*core, *(adverbials((phrase.place,)) if phrase.place else []), *relative(phrase.relative)]


def prepositional(preposition: str, phrase: NounPhrase) -> Words:
    """A preposition with its noun phrase; à and de contract with le and les, and stand before every member."""
    *start, last = preposition.split(" ")
    if last not in ("à", "de"):
        return [*start, last, *governed(phrase)]
    if isinstance(phrase, Group):
        return joined([prepositional(preposition, member) for member in phrase.members])
    if last == "de" and isinstance(phrase, Nominal) and phrase.determiner == "a" and not phrase.owner:
        inner = nominal(phrase, negated=phrase.plural or phrase.noun.mass)
        return [*start, *(inner if inner[0] == "de" else ["de", *inner])]
    return [*start, *contract(last, governed(phrase))]


def governed(phrase: NounPhrase) -> Words:
    """A noun phrase after a preposition: pronouns are stressed."""
    return [stressed(phrase)] if isinstance(phrase, Pronoun) else noun_phrase(phrase)


def adverbials(several: tuple[Adverbial, ...]) -> Words:
    """Adverbials in a row."""
    found: Words = []
    for one in several:
        if isinstance(one, Place):
            found += prepositional(one.preposition.french, one.phrase)
        else:
            found += one.french.split(" ")
    return found


def relative(tree: Clause | None) -> Words:
    """Qui or que, and the clause with its gap."""
    if tree is None:
        return []
    return ["qui" if isinstance(tree.subject, Gap) else "que", *clause(tree)]
