"""English: a parse tree as English words."""

from dataclasses import replace

from pipeline.demo.english_verbs import TO_BE, Words, verb_group
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

SUBJECTS = {(1, False): "I", (1, True): "we", (2, True): "you", (3, True): "they"}
OBJECTS = {(1, False): "me", (1, True): "us", (2, True): "you", (3, True): "them"}


def sentence(tree: Sentence) -> str:
    """The sentence as text: capital, commas, full stop or question mark."""
    end = "?" if isinstance(tree, Question) else "."
    return assemble(words(tree)) + end


def assemble(tokens: Words) -> str:
    """Joins words: a or an, commas, a capital."""
    spoken = [word for word in tokens if word]
    for i in range(len(spoken) - 1):
        if spoken[i] == "a" and sounds_like_vowel(spoken[i + 1]):
            spoken[i] = "an"
    text = " ".join(spoken).replace(" ,", ",").replace(" '", "'")
    return text[0].upper() + text[1:]


def sounds_like_vowel(word: str) -> bool:
    """Whether `an` stands before it."""
    if word.startswith(("uni", "use", "eu", "one", "Uni")):
        return False
    return word[0].lower() in "aeiouéè" or word.startswith(("hour", "honest", "heir"))


def words(tree: Sentence) -> Words:
    """The words of a sentence, commas included."""
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
            *rest, last = [clause(one) for one in tree.clauses]
            listed = [word for one in rest for word in [*one, ","]]
            return [*listed, tree.conjunction, *last]


def question(tree: Question) -> Words:
    """Who is the subject and changes nothing; all others invert."""
    if tree.word == "who":
        return ["who", *predicates(tree.clause)]
    return [tree.word, *clause(tree.clause, inverted=True)]


def clause(tree: Clause, inverted: bool = False) -> Words:
    """Subject and predicates, the fronted adverbial before them."""
    fronted = [*adverbial(tree.fronted), ","] if tree.fronted else []
    subject = clause_subject(tree)
    if inverted:
        return [*fronted, *predicates(tree, subject)]
    return [*fronted, *subject, *predicates(tree)]


def clause_subject(tree: Clause) -> Words:
    """The subject, or the word that stands for none."""
    match tree.predicates[0]:
        case Existence():
            return ["there"]
        case Weather():
            return ["it"]
    return noun_phrase(tree.subject)


def predicates(tree: Clause, inverted: Words | None = None) -> Words:
    """The predicates of a clause, joined by `and`."""
    first, *more = tree.predicates
    joined = predicate(tree, first, inverted)
    for one in more:
        joined += ["and", *predicate(tree, one, None)]
    return joined


def predicate(tree: Clause, one: Predicate, inverted: Words | None) -> Words:
    """The verb group with what follows it."""
    agree = features(tree.subject)
    match one:
        case Act():
            return [*verb_group(tree, one.verb, agree, inverted), *act_rest(one)]
        case Passive():
            agent = ["by", *noun_phrase(one.agent, case="object")] if one.agent else []
            group = verb_group(tree, TO_BE, agree, inverted)
            rest = [one.verb.participle, one.verb.particle, *agent]
        case State():
            group, rest = verb_group(tree, one.verb, agree, inverted), state(one)
        case Existence():
            number = Features(plural=one.noun.plural)
            noun = replace(one.noun, determiner="no") if tree.negation else one.noun
            group, rest = verb_group(replace(tree, negation=""), TO_BE, number, inverted), noun_phrase(noun)
        case Weather():
            group, rest = verb_group(tree, one.verb, Features(), inverted), []
    return [*group, *rest, *adverbials(one.after)]


def act_rest(one: Act) -> Words:
    """Particle, objects, infinitive, clause and adverbials."""
    rest = [one.verb.particle]
    if one.object:
        rest += noun_phrase(one.object, case="object")
    if one.recipient:
        rest += ["to", *noun_phrase(one.recipient, case="object")]
    if one.infinitive:
        rest += [one.infinitive.verb.base, *act_rest(one.infinitive)]
    if one.content:
        rest += ["that", *clause(one.content)]
    if one.goal:
        rest += adverbial(one.goal)
    return rest + adverbials(one.after)


def state(one: State) -> Words:
    """What follows a linking verb."""
    if one.noun:
        return noun_phrase(one.noun)
    if not one.adjective:
        return []
    if one.comparison == "more":
        compared = [one.adjective.comparative, "than"]
    elif one.comparison == "as":
        compared = ["as", one.adjective.english, "as"]
    elif one.comparison == "less":
        compared = ["less", one.adjective.english, "than"]
    else:
        return [one.degree.english if one.degree else "", one.adjective.english]
    return [*compared, *noun_phrase(one.standard, case="object")] if one.standard else compared


def adverbials(several: tuple[Adverbial, ...]) -> Words:
    """Adverbials in a row."""
    return [word for one in several for word in adverbial(one)]


def adverbial(one: Adverbial) -> Words:
    """A fixed phrase, or a preposition with its noun phrase."""
    if isinstance(one, Place):
        return [one.preposition.english, *noun_phrase(one.phrase, case="object")]
    return [one.english]


def noun_phrase(phrase: NounPhrase, case: str = "subject") -> Words:
    """A noun phrase; `case` is subject or object."""
    match phrase:
        case Pronoun():
            return [pronoun(phrase, case)]
        case Name():
            return [phrase.words.english]
        case Group():
            *rest, last = [noun_phrase(member, case) for member in phrase.members]
            commas = [word for one in rest for word in [*one, ","]][:-1]
            return [*commas, "and", *last]
        case Nominal():
            return nominal(phrase)
        case Gap():
            return []


def pronoun(phrase: Pronoun, case: str) -> str:
    """I or me, she or her, it."""
    agree = phrase.features
    table = SUBJECTS if case == "subject" else OBJECTS
    if (agree.person, agree.plural) in table:
        return table[agree.person, agree.plural]
    if phrase.thing:
        return "it"
    return {"subject": ("he", "she"), "object": ("him", "her")}[case][agree.feminine]


def nominal(phrase: Nominal) -> Words:
    """Determiner or owner, adjectives, noun, place, relative clause."""
    noun = phrase.noun.english_plural if phrase.plural else phrase.noun.english
    place = adverbial(phrase.place) if phrase.place else []
    start = owner(phrase.owner) if phrase.owner else [determiner(phrase)]
    return [*start, *(one.english for one in phrase.adjectives), noun, *place, *relative(phrase)]


def owner(phrase: NounPhrase) -> Words:
    """The owner's name with 's, or with an apostrophe alone after a plural in s."""
    *rest, last = noun_phrase(phrase)
    return [*rest, last, "'" if features(phrase).plural and last.endswith("s") else "'s"]


def determiner(phrase: Nominal) -> str:
    """The word for the determiner; none for bare plurals and what is not counted."""
    if phrase.determiner == "a" and (phrase.plural or phrase.noun.mass):
        return ""
    if phrase.determiner == "this" and phrase.plural:
        return "these"
    return {"all": "all the"}.get(phrase.determiner, phrase.determiner)


def relative(phrase: Nominal) -> Words:
    """Who or that, and the clause with its gap."""
    if not phrase.relative:
        return []
    person = isinstance(phrase.relative.subject, Gap) and phrase.noun.kind == "P"
    return ["who" if person else "that", *clause(phrase.relative)]
