"""English generation: from a parse tree to English text."""

from dataclasses import replace

from pipeline.sources.demo.english_verbs import TO_BE, Words, verb_group
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

SUBJECTS = {(1, False): "I", (1, True): "we", (2, True): "you", (3, True): "they"}
OBJECTS = {(1, False): "me", (1, True): "us", (2, True): "you", (3, True): "them"}


def sentence(tree: Sentence) -> str:
    """Return the sentence as text, with its capital and punctuation."""
    end = "?" if isinstance(tree, Question) else "."
    return assemble(words(tree)) + end


def assemble(tokens: Words) -> str:
    """Join words to text: a or an, commas, a capital."""
    spoken = [word for word in tokens if word]
    for i in range(len(spoken) - 1):
        if spoken[i] == "a" and sounds_like_vowel(spoken[i + 1]):
            spoken[i] = "an"
    text = " ".join(spoken).replace(" ,", ",").replace(" '", "'")
    return text[0].upper() + text[1:]


def sounds_like_vowel(word: str) -> bool:
    """Return True if the word takes `an`."""
    if word.startswith(("uni", "use", "eu", "one", "Uni")):
        return False
    return word[0].lower() in "aeiouéè" or word.startswith(("hour", "honest", "heir"))


def words(tree: Sentence) -> Words:
    """Return the words of a sentence, commas included."""
    match tree:
        case Clause():
            return clause(tree)
        case Question():
            return question(tree)
        case Subordination():
            subordinate = [tree.conjunction, *clause(tree.subordinate)]
            main = clause(tree.main)
            return [*subordinate, ",", *main] if tree.first else [*main, *subordinate]
        case Coordination():
            *rest, last = [clause(part) for part in tree.clauses]
            listed = [word for part in rest for word in [*part, ","]]
            return [*listed, tree.conjunction, *last]


def question(tree: Question) -> Words:
    """Return the words of a question, inverted unless the subject is `who`."""
    if tree.word == "who":
        return ["who", *predicates(tree.clause)]
    return [tree.word, *clause(tree.clause, inverted=True)]


def clause(tree: Clause, inverted: bool = False) -> Words:
    """Return fronted adverbial, subject and predicates."""
    fronted = [*adverbial(tree.fronted), ","] if tree.fronted else []
    subject = clause_subject(tree)
    if inverted:
        return [*fronted, *predicates(tree, subject)]
    return [*fronted, *subject, *predicates(tree)]


def clause_subject(tree: Clause) -> Words:
    """Return the subject, which is `there` for existence and `it` for weather."""
    match tree.predicates[0]:
        case Existence():
            return ["there"]
        case Weather():
            return ["it"]
    return noun_phrase(tree.subject)


def predicates(tree: Clause, inverted: Words | None = None) -> Words:
    """Return the predicates of a clause, joined by `and`."""
    first, *more = tree.predicates
    joined = predicate(tree, first, inverted)
    for following in more:
        joined += ["and", *predicate(tree, following, None)]
    return joined


def predicate(tree: Clause, node: Predicate, inverted: Words | None) -> Words:
    """Return the verb group and its complements."""
    agree = features(tree.subject)
    match node:
        case Act():
            return [*verb_group(tree, node.verb, agree, inverted), *act_rest(node)]
        case Passive():
            agent = ["by", *noun_phrase(node.agent, case="object")] if node.agent else []
            group = verb_group(tree, TO_BE, agree, inverted)
            rest = [node.verb.participle, node.verb.particle, *agent]
        case State():
            group, rest = verb_group(tree, node.verb, agree, inverted), state(node)
        case Existence():
            number = Features(plural=node.noun.plural)
            noun = replace(node.noun, determiner="no") if tree.negation else node.noun
            group, rest = verb_group(replace(tree, negation=""), TO_BE, number, inverted), noun_phrase(noun)
        case Weather():
            group, rest = verb_group(tree, node.verb, Features(), inverted), []
    return [*group, *rest, *adverbials(node.after)]


def act_rest(node: Act) -> Words:
    """Return particle, objects, infinitive, clause and adverbials."""
    rest = [node.verb.particle]
    if node.object:
        rest += noun_phrase(node.object, case="object")
    if node.recipient:
        rest += ["to", *noun_phrase(node.recipient, case="object")]
    if node.infinitive:
        rest += [node.infinitive.verb.base, *act_rest(node.infinitive)]
    if node.content:
        rest += ["that", *clause(node.content)]
    if node.goal:
        rest += adverbial(node.goal)
    return rest + adverbials(node.after)


def state(node: State) -> Words:
    """Return the complement of a linking verb."""
    if node.noun:
        return noun_phrase(node.noun)
    if not node.adjective:
        return []
    if node.comparison == "more":
        compared = [node.adjective.comparative, "than"]
    elif node.comparison == "as":
        compared = ["as", node.adjective.english, "as"]
    elif node.comparison == "less":
        compared = ["less", node.adjective.english, "than"]
    else:
        return [node.degree.english if node.degree else "", node.adjective.english]
    return [*compared, *noun_phrase(node.standard, case="object")] if node.standard else compared


def adverbials(items: tuple[Adverbial, ...]) -> Words:
    """Return several adverbials."""
    return [word for item in items for word in adverbial(item)]


def adverbial(item: Adverbial) -> Words:
    """Return a fixed phrase, or a preposition with its noun phrase."""
    if isinstance(item, Place):
        return [item.preposition.english, *noun_phrase(item.phrase, case="object")]
    return [item.english]


def noun_phrase(phrase: NounPhrase, case: str = "subject") -> Words:
    """Return a noun phrase in a case, `subject` or `object`."""
    match phrase:
        case Pronoun():
            return [pronoun(phrase, case)]
        case Name():
            return [phrase.words.english]
        case Group():
            *rest, last = [noun_phrase(member, case) for member in phrase.members]
            commas = [word for part in rest for word in [*part, ","]][:-1]
            return [*commas, "and", *last]
        case Nominal():
            return nominal(phrase)
        case Gap():
            return []


def pronoun(phrase: Pronoun, case: str) -> str:
    """Return a personal pronoun: I or me, she or her, it."""
    agree = phrase.features
    table = SUBJECTS if case == "subject" else OBJECTS
    if (agree.person, agree.plural) in table:
        return table[agree.person, agree.plural]
    if phrase.thing:
        return "it"
    return {"subject": ("he", "she"), "object": ("him", "her")}[case][agree.feminine]


def nominal(phrase: Nominal) -> Words:
    """Return determiner or owner, adjectives, noun, place and relative clause."""
    noun = phrase.noun.english_plural if phrase.plural else phrase.noun.english
    place = adverbial(phrase.place) if phrase.place else []
    start = owner(phrase.owner) if phrase.owner else [determiner(phrase)]
    return [*start, *(adjective.english for adjective in phrase.adjectives), noun, *place, *relative(phrase)]


def owner(phrase: NounPhrase) -> Words:
    """Return the owner with 's, or with an apostrophe after a plural in s."""
    *rest, last = noun_phrase(phrase)
    return [*rest, last, "'" if features(phrase).plural and last.endswith("s") else "'s"]


def determiner(phrase: Nominal) -> str:
    """Return the determiner, "" for bare plurals and uncountable nouns."""
    if phrase.determiner == "a" and (phrase.plural or phrase.noun.mass):
        return ""
    if phrase.determiner == "this" and phrase.plural:
        return "these"
    return {"all": "all the"}.get(phrase.determiner, phrase.determiner)


def relative(phrase: Nominal) -> Words:
    """Return a relative clause after who or that."""
    if not phrase.relative:
        return []
    person = isinstance(phrase.relative.subject, Gap) and phrase.noun.kind == "P"
    return ["who" if person else "that", *clause(phrase.relative)]
