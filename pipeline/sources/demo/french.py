"""French generation: from a parse tree to French text."""

from pipeline.sources.demo.conjugation import participle
from pipeline.sources.demo.french_verbs import HAVE, clitics, passive_of, stands_after, verb_group
from pipeline.sources.demo.french_words import (
    Words,
    adjective,
    assemble,
    contract,
    determine,
    stressed,
    subject_pronoun,
)
from pipeline.sources.demo.tree import (
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
    """Return the sentence as text, with its capital, elisions, punctuation, and a space before a question mark."""
    return assemble(words(tree)) + (" ?" if isinstance(tree, Question) else ".")


def words(tree: Sentence) -> Words:
    """Return the words of a sentence before elision, commas included."""
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
            *rest, last = [clause(part) for part in tree.clauses]
            listed = [word for part in rest for word in [*part, ","]]
            return [*listed[:-1], *[","] * (tree.conjunction in ("but", "so")), CONJUNCTIONS[tree.conjunction], *last]


def clause(tree: Clause) -> Words:
    """Return fronted adverbial, subject and predicates."""
    fronted = [*adverbials((tree.fronted,)), ","] if tree.fronted else []
    impersonal = isinstance(tree.predicates[0], Existence | Weather)
    joined = [*fronted, *(["il"] if impersonal else noun_phrase(tree.subject))]
    for i, node in enumerate(tree.predicates):
        joined += [*["et"] * (i > 0), *predicate(tree, node)]
    return joined


def predicate(tree: Clause, node: Predicate) -> Words:
    """Return the verb group and its complements."""
    agree = features(tree.subject)
    match node:
        case Act():
            return act(tree, node, agree)
        case Passive():
            agent = ["par", *noun_phrase(node.agent)] if node.agent else []
            done = participle(node.verb.french, agree.feminine, agree.plural)
            group = verb_group(tree, passive_of(node.verb), agree, [])
            rest = [done, *agent]
        case State():
            group, rest = verb_group(tree, node.verb, agree, []), state(node, agree)
        case Existence():
            group = verb_group(tree, HAVE, Features(), ["y"])
            rest = noun_phrase(node.noun, negated=bool(tree.negation))
        case Weather():
            group, rest = verb_group(tree, node.verb, Features(), []), []
    return [*group, *rest, *adverbials(node.after)]


def act(tree: Clause, node: Act, agree: Features) -> Words:
    """Return an active verb, with clitics before it and other objects after it."""
    precedes = isinstance(node.object, Gap | Pronoun) and not node.verb.preposition
    before = features(node.object) if node.object and precedes else None
    group = verb_group(tree, node.verb, agree, clitics(node, agree), before)
    return [*group, *act_rest(node, agree, bool(tree.negation))]


def act_rest(node: Act, agree: Features, negated: bool) -> Words:
    """Return the objects that are not clitics, infinitive, clause and adverbials."""
    rest = object_words(node, negated)
    if node.recipient and not isinstance(node.recipient, Pronoun):
        rest += prepositional("à", node.recipient)
    if node.infinitive:
        inner = node.infinitive
        rest += [node.verb.link] if node.verb.link else []
        rest += [*clitics(inner, agree), inner.verb.french, *act_rest(inner, agree, negated)]
    if node.content:
        rest += ["que", *clause(node.content)]
    if node.goal:
        rest += prepositional(node.goal.preposition.french, node.goal.phrase)
    return rest + adverbials(node.after)


def object_words(node: Act, negated: bool) -> Words:
    """Return the object if it follows the verb, else nothing."""
    if node.object is None or isinstance(node.object, Gap):
        return []
    if isinstance(node.object, Pronoun):
        return [node.verb.preposition, stressed(node.object)] if stands_after(node.verb) else []
    if node.verb.preposition:
        return prepositional(node.verb.preposition, node.object)
    return noun_phrase(node.object, negated=negated)


def state(node: State, agree: Features) -> Words:
    """Return the complement of a linking verb."""
    if node.noun:
        return noun_phrase(node.noun)
    if not node.adjective:
        return []
    form = adjective(node.adjective, agree.feminine, agree.plural)
    if not node.comparison:
        return [*(node.degree.french.split(" ") if node.degree else []), form]
    standard = ["que", *standard_words(node)] if node.standard else []
    if node.comparison == "more" and node.adjective.french == "bon":
        return [form.replace("bonne", "meilleure").replace("bon", "meilleur"), *standard]
    return [{"more": "plus", "less": "moins", "as": "aussi"}[node.comparison], form, *standard]


def standard_words(node: State) -> Words:
    """Return the standard of a comparison."""
    assert node.standard
    return [stressed(node.standard)] if isinstance(node.standard, Pronoun) else noun_phrase(node.standard)


def noun_phrase(phrase: NounPhrase, negated: bool = False) -> Words:
    """Return a noun phrase, with `de` alone for a negated indefinite object (pas de voiture)."""
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
    """Join a list: A, B et C."""
    *rest, last = members
    commas = [word for part in rest for word in [*part, ","]][:-1]
    return [*commas, "et", *last]


def nominal(phrase: Nominal, negated: bool) -> Words:
    """Return determiner, adjectives on their sides of the noun, owner, place and relative clause."""
    agree = features(phrase)
    noun = phrase.noun.french_plural if phrase.plural else phrase.noun.french
    before = [attribute for attribute in phrase.adjectives if attribute.before]
    core = noun.split(" ")
    for attribute in reversed(before):
        core = [adjective(attribute, agree.feminine, agree.plural, core[0]), *core]
    core += [
        adjective(attribute, agree.feminine, agree.plural) for attribute in phrase.adjectives if not attribute.before
    ]
    core = determine(phrase, core, bool(before), negated)
    core += prepositional("de", phrase.owner) if phrase.owner else []
    return [*core, *(adverbials((phrase.place,)) if phrase.place else []), *relative(phrase.relative)]


def prepositional(preposition: str, phrase: NounPhrase) -> Words:
    """Return a preposition with its noun phrase, where à and de contract with le and les and precede each member."""
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
    """Return a noun phrase after a preposition, where pronouns are stressed."""
    return [stressed(phrase)] if isinstance(phrase, Pronoun) else noun_phrase(phrase)


def adverbials(items: tuple[Adverbial, ...]) -> Words:
    """Return several adverbials."""
    phrases: Words = []
    for item in items:
        if isinstance(item, Place):
            phrases += prepositional(item.preposition.french, item.phrase)
        else:
            phrases += item.french.split(" ")
    return phrases


def relative(tree: Clause | None) -> Words:
    """Return a relative clause after qui or que."""
    if tree is None:
        return []
    return ["qui" if isinstance(tree.subject, Gap) else "que", *clause(tree)]
