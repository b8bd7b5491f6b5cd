"""The parse trees of the demo corpus: the meaning of a sentence, from which both languages are generated."""

from dataclasses import dataclass

from pipeline.sources.demo.lexicon import Adjective, Noun, Phrase, Verb


@dataclass(frozen=True)
class Features:
    """Person, number and gender, in which words agree."""

    person: int = 3
    plural: bool = False
    feminine: bool = False


@dataclass(frozen=True)
class Pronoun:
    """A personal pronoun: I, you (vous), he, she, it, we, they.

    That of a thing has the gender of its French noun.
    """

    features: Features
    thing: bool = False


@dataclass(frozen=True)
class Name:
    """A proper name."""

    words: Phrase
    feminine: bool


@dataclass(frozen=True)
class Gap:
    """The empty place of a relative pronoun or question word, with the features of its noun."""

    features: Features


@dataclass(frozen=True)
class Nominal:
    """A noun phrase with a noun.

    Determiner `a` covers bare plurals and partitives, an owner replaces `the`.
    """

    noun: Noun
    determiner: str = "the"
    plural: bool = False
    adjectives: tuple[Adjective, ...] = ()
    owner: "NounPhrase | None" = None
    place: "Place | None" = None
    relative: "Clause | None" = None


@dataclass(frozen=True)
class Group:
    """Several noun phrases joined by `and`."""

    members: "tuple[NounPhrase, ...]"


NounPhrase = Nominal | Name | Pronoun | Gap | Group


@dataclass(frozen=True)
class Place:
    """A preposition with its noun phrase."""

    preposition: Phrase
    phrase: NounPhrase


Adverbial = Place | Phrase


@dataclass(frozen=True)
class Act:
    """An active verb with its objects."""

    verb: Verb
    object: NounPhrase | None = None
    recipient: NounPhrase | None = None
    infinitive: "Act | None" = None
    content: "Clause | None" = None
    goal: Place | None = None
    after: tuple[Adverbial, ...] = ()


@dataclass(frozen=True)
class Passive:
    """A passive verb, with or without its agent."""

    verb: Verb
    agent: NounPhrase | None = None
    after: tuple[Adverbial, ...] = ()


@dataclass(frozen=True)
class State:
    """A linking verb with an adjective, a noun phrase or a place."""

    verb: Verb
    adjective: Adjective | None = None
    degree: Phrase | None = None
    comparison: str = ""
    standard: NounPhrase | None = None
    noun: Nominal | None = None
    after: tuple[Adverbial, ...] = ()


@dataclass(frozen=True)
class Existence:
    """A statement of existence: there is a cat."""

    noun: Nominal
    after: tuple[Adverbial, ...] = ()


@dataclass(frozen=True)
class Weather:
    """A statement about the weather: it rains."""

    verb: Verb
    after: tuple[Adverbial, ...] = ()


Predicate = Act | Passive | State | Existence | Weather


@dataclass(frozen=True)
class Clause:
    """A subject with one or more predicates, in a tense."""

    subject: NounPhrase
    predicates: tuple[Predicate, ...]
    tense: str = "present"
    negation: str = ""
    middle: Phrase | None = None
    modal: Phrase | None = None
    fronted: Adverbial | None = None


@dataclass(frozen=True)
class Question:
    """A question.

    `word` is who, what, where, when, why, or "" for a question of yes or no.
    """

    clause: Clause
    word: str = ""


@dataclass(frozen=True)
class Subordination:
    """A main clause with a subordinate clause before or after it."""

    conjunction: str
    subordinate: Clause
    main: Clause
    first: bool


@dataclass(frozen=True)
class Coordination:
    """Several clauses.

    The conjunction precedes the last.
    """

    conjunction: str
    clauses: tuple[Clause, ...]


Sentence = Clause | Question | Subordination | Coordination


def features(phrase: NounPhrase) -> Features:
    """Return person, number and gender of a noun phrase."""
    match phrase:
        case Pronoun() | Gap():
            return phrase.features
        case Name():
            return Features(feminine=phrase.feminine)
        case Nominal():
            return Features(3, phrase.plural, phrase.noun.feminine)
        case Group():
            return Features(3, True, all(features(member).feminine for member in phrase.members))
