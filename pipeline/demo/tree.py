"""The parse trees of the demo corpus: what a sentence says, before either language says it."""

from dataclasses import dataclass

from pipeline.demo.lexicon import Adjective, Noun, Phrase, Verb


@dataclass(frozen=True)
class Features:
    """What agrees with what."""

    person: int = 3
    plural: bool = False
    feminine: bool = False


@dataclass(frozen=True)
class Pronoun:
    """I, you (vous), he, she, it, we, they. A thing's gender is that of the French noun that it stands for."""

    features: Features
    thing: bool = False


@dataclass(frozen=True)
class Name:
    """A proper name."""

    words: Phrase
    feminine: bool


@dataclass(frozen=True)
class Gap:
    """The place that a relative pronoun or a question word has left; `features` are those of what it stands for."""

    features: Features


@dataclass(frozen=True)
class Nominal:
    """A noun with what belongs to it. `a` is also the bare plural and the partitive; an owner stands for `the`."""

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
    """A preposition and its noun phrase."""

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
    """A passive verb, with or without who does it."""

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
    """There is."""

    noun: Nominal
    after: tuple[Adverbial, ...] = ()


@dataclass(frozen=True)
class Weather:
    """It rains."""

    verb: Verb
    after: tuple[Adverbial, ...] = ()


Predicate = Act | Passive | State | Existence | Weather


@dataclass(frozen=True)
class Clause:
    """A subject and one predicate or more, in a tense."""

    subject: NounPhrase
    predicates: tuple[Predicate, ...]
    tense: str = "present"
    negation: str = ""
    middle: Phrase | None = None
    modal: Phrase | None = None
    fronted: Adverbial | None = None


@dataclass(frozen=True)
class Question:
    """A question; `word` is empty for yes or no, else who, what, where, when or why."""

    clause: Clause
    word: str = ""


@dataclass(frozen=True)
class Subordination:
    """A main clause with a subordinate one, before it or after it."""

    conjunction: str
    subordinate: Clause
    main: Clause
    first: bool


@dataclass(frozen=True)
class Coordination:
    """Clauses in a row; the last one is joined by the conjunction."""

    conjunction: str
    clauses: tuple[Clause, ...]


Sentence = Clause | Question | Subordination | Coordination


def features(phrase: NounPhrase) -> Features:
    """Person, number and gender of a noun phrase."""
    match phrase:
        case Pronoun() | Gap():
            return phrase.features
        case Name():
            return Features(feminine=phrase.feminine)
        case Nominal():
            return Features(3, phrase.plural, phrase.noun.feminine)
        case Group():
            return Features(3, True, all(features(member).feminine for member in phrase.members))
