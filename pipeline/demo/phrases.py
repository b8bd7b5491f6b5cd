"""Noun phrases and adverbials, drawn at random."""

from dataclasses import replace
from functools import cache

from pipeline.demo import lexicon
from pipeline.demo.dice import Dice
from pipeline.demo.lexicon import Adjective, Noun, Phrase, Verb
from pipeline.demo.tree import (
    Act,
    Adverbial,
    Clause,
    Features,
    Gap,
    Group,
    Name,
    Nominal,
    NounPhrase,
    Place,
    Pronoun,
    State,
    features,
)

# A word of rank r in its list is drawn in proportion to (r + 2) ** -EXPONENT: the steeper, the easier the corpus.
NOUN_EXPONENT = 3.2
VERB_EXPONENT = 2.8
ADJECTIVE_EXPONENT = 2.8
NAME_EXPONENT = 3.0
PHRASE_EXPONENT = 2.6
KIND_EXPONENT = 2.2

# Shares, in proportion.
SUBJECTS = {"nominal": 54, "pronoun": 31, "name": 12, "group": 3}
OBJECTS = {"nominal": 55, "pronoun": 36, "name": 8, "group": 1}
FULL = {"nominal": 76, "name": 24}
DETERMINERS = {
    "the": 64,
    "a": 18,
    "my": 6,
    "this": 3,
    "his": 3,
    "her": 2,
    "our": 1,
    "their": 1,
    "your": 1,
    "quantity": 1,
}
MASS_DETERMINERS = {"a": 60, "the": 34, "my": 2, "this": 2, "his": 2}
PLACE_DETERMINERS = {"the": 88, "a": 4, "my": 4, "this": 2, "our": 2}
QUANTITIES = ["two", "three", "several", "many", "some", "every", "all", "four", "five", "ten"]
PRONOUNS = {"he": 32, "she": 26, "I": 20, "we": 9, "they": 9, "you": 4}
ADVERBIALS = {"place": 44, "time": 38, "manner": 10, "event": 4, "company": 4}

PLURAL = 0.16
ADJECTIVE = 0.16
SECOND_ADJECTIVE = 0.1
OWNER = 0.1
PLACE_IN_PHRASE = 0.02
RELATIVE = 0.05
OBJECT_RELATIVE = 0.45
FAMILY_NAME = 0.03
CITY = 0.12

PERSONS = {
    "I": Pronoun(Features(1)),
    "we": Pronoun(Features(1, True)),
    "you": Pronoun(Features(2, True)),
    "he": Pronoun(Features(3)),
    "she": Pronoun(Features(3, False, True)),
    "they": Pronoun(Features(3, True)),
}
POSSESSIVES = ("my", "his", "her", "our", "your", "their")
UNOWNED = ("woman", "man")
OWNED = "RVCTAMUFSBL"
IN, AT, TO, BEFORE, DURING, AFTER, WITH = (
    Phrase("in", "à"),
    Phrase("at", "à"),
    Phrase("to", "à"),
    Phrase("before", "avant"),
    Phrase("during", "pendant"),
    Phrase("after", "après"),
    Phrase("with", "avec"),
)
TIME_OF_TENSE = {
    "past": "past",
    "past_progressive": "past",
    "present": "present",
    "progressive": "progressive",
    "future": "future",
}


@cache
def adjectives_of(kind: str, before: bool | None = None) -> list[Adjective]:
    """The adjectives that go with a kind of noun; `before` asks for one side of the French noun."""
    return [one for one in lexicon.ADJECTIVES if kind in one.kinds and before in (None, one.before)]


@cache
def verbs_of(subject: str, thing: str) -> list[Verb]:
    """The transitive verbs that go with these kinds of subject and object."""
    return [verb for verb in lexicon.TRANSITIVE if subject in verb.subjects and thing in verb.objects]


class Phrases(Dice):
    """Draws noun phrases and adverbials."""

    def kind(self, kinds: str) -> str:
        """One of the kinds of noun, the first ones often."""
        return self.zipf(kinds, KIND_EXPONENT)

    def noun(self, kind: str) -> Noun:
        """A noun of a kind."""
        return self.zipf(lexicon.NOUNS[kind], NOUN_EXPONENT)

    def subject(self, kinds: str = "P") -> NounPhrase:
        """A subject: persons may be pronouns, names or groups."""
        kind = "P" if "P" in kinds and self.chance(0.9) else self.kind(kinds)
        return self.defined(self.phrase(kind, SUBJECTS, relative=RELATIVE))

    def defined(self, phrase: NounPhrase) -> NounPhrase:
        """A subject, or what one loves: not a bare plural or partitive, for which French has its own ways."""
        if isinstance(phrase, Nominal) and phrase.determiner == "a" and (phrase.plural or phrase.noun.mass):
            return replace(phrase, determiner="the")
        return phrase

    def object(self, verb: Verb, subject: NounPhrase) -> NounPhrase:
        """An object that is another one than the subject."""
        while True:
            found = self.phrase(self.kind(verb.objects), OBJECTS, relative=RELATIVE)
            if differ(found, subject):
                return self.defined(found) if verb.state else found

    def phrase(self, kind: str, shares: dict[str, int], relative: float = 0.0) -> NounPhrase:
        """A noun phrase of a kind; what is no person is a noun."""
        match self.weighted(shares) if kind == "P" else "nominal":
            case "pronoun":
                return PERSONS[self.weighted(PRONOUNS)]
            case "name":
                return self.name()
            case "group":
                return self.group()
        return self.nominal(kind, relative=relative)

    def name(self) -> Name:
        """A first name, sometimes with a family name."""
        feminine = self.chance(0.5)
        words = self.zipf(lexicon.WOMEN if feminine else lexicon.MEN, NAME_EXPONENT)
        if self.chance(FAMILY_NAME):
            family = " " + lexicon.FAMILY_NAMES[self.below(len(lexicon.FAMILY_NAMES))]
            words = Phrase(words.english + family, words.french + family)
        return Name(words, feminine)

    def group(self) -> Group:
        """Two persons, sometimes three."""
        members: list[NounPhrase] = []
        while len(members) < 2 or (len(members) < 4 and self.chance(0.15)):
            found = self.phrase("P", FULL)
            if all(differ(found, member) for member in members):
                members.append(found)
        return Group(tuple(members))

    def nominal(self, kind: str, shares: dict[str, int] | None = None, relative: float = 0.0) -> Nominal:
        """A noun with determiner, adjectives and what else belongs to it."""
        noun = self.noun(kind)
        determiner = self.weighted(shares or (MASS_DETERMINERS if noun.mass else DETERMINERS))
        plural = not noun.mass and self.chance(PLURAL)
        if determiner in POSSESSIVES and noun.english in UNOWNED:
            determiner = "the"
        if determiner == "quantity":
            determiner = self.zipf(QUANTITIES, PHRASE_EXPONENT)
            plural = determiner != "every"
        adjectives = self.adjectives(kind) if self.chance(ADJECTIVE) else ()
        if kind in OWNED and self.chance(OWNER):
            return Nominal(noun, "the", plural, adjectives, owner=self.owner())
        place = self.place() if kind in "PATV" and determiner == "the" and self.chance(PLACE_IN_PHRASE) else None
        clause = self.relative(noun, plural) if not place and determiner in "the" and self.chance(relative) else None
        return Nominal(noun, determiner, plural, adjectives, None, place, clause)

    def owner(self) -> NounPhrase:
        """Who something belongs to."""
        return self.name() if self.chance(0.5) else Nominal(self.noun("P"), "the", self.chance(PLURAL))

    def adjectives(self, kind: str) -> tuple[Adjective, ...]:
        """An adjective, or one for each side of the French noun."""
        if self.chance(SECOND_ADJECTIVE):
            sides = [adjectives_of(kind, before=True), adjectives_of(kind, before=False)]
            return tuple(self.zipf(side, ADJECTIVE_EXPONENT) for side in sides if side)
        fitting = adjectives_of(kind)
        return (self.zipf(fitting, ADJECTIVE_EXPONENT),) if fitting else ()

    def relative(self, noun: Noun, plural: bool) -> Clause | None:
        """A relative clause about a noun."""
        gap = Gap(Features(3, plural, noun.feminine))
        tense = self.weighted({"past": 55, "present": 35, "future": 10})
        verbs = verbs_of("P", noun.kind)
        if verbs and self.chance(OBJECT_RELATIVE):
            verb, subject = self.zipf(verbs, VERB_EXPONENT), self.phrase("P", SUBJECTS)
            return Clause(self.defined(subject), (Act(verb, gap),), plain_tense(verb, subject, tense))
        if noun.kind == "P":
            return self.relative_of_person(gap, tense)
        fitting = adjectives_of(noun.kind)
        if not fitting:
            return None
        return Clause(gap, (State(lexicon.LINKING[0], self.zipf(fitting, ADJECTIVE_EXPONENT)),), tense)

    def relative_of_person(self, gap: Gap, tense: str) -> Clause:
        """Who sleeps, who sells the car."""
        if self.chance(0.5):
            return Clause(gap, (Act(self.zipf(lexicon.INTRANSITIVE, VERB_EXPONENT)),), tense)
        verb = self.zipf([one for one in lexicon.TRANSITIVE if "P" in one.subjects], VERB_EXPONENT)
        thing = self.nominal(self.kind(verb.objects))
        return Clause(gap, (Act(verb, self.defined(thing) if verb.state else thing),), plain_tense(verb, gap, tense))

    # Adverbials

    def adverbial(self, tense: str, action: bool) -> Adverbial:
        """An adverbial that goes with the tense; manner goes with actions."""
        match self.weighted(ADVERBIALS):
            case "time":
                return self.time(tense)
            case "manner" if action:
                return self.zipf(lexicon.MANNERS, PHRASE_EXPONENT)
            case "event":
                preposition = self.zipf([DURING, AFTER, BEFORE], PHRASE_EXPONENT)
                return Place(preposition, Nominal(self.noun("E")))
            case "company" if action:
                return Place(WITH, self.phrase("P", FULL))
        return self.place()

    def time(self, tense: str) -> Phrase:
        """When; times of the day go with every tense."""
        if tense in TIME_OF_TENSE and self.chance(0.8):
            return self.zipf(lexicon.TIMES[TIME_OF_TENSE[tense]], PHRASE_EXPONENT)
        return self.zipf(lexicon.TIMES_OF_DAY, PHRASE_EXPONENT)

    def place(self) -> Place:
        """Where something is or happens."""
        if self.chance(CITY):
            return Place(IN, self.city())
        preposition, kinds = self.zipf(lexicon.PLACES, PHRASE_EXPONENT)
        return Place(preposition, self.bare(self.kind(kinds)))

    def goal(self) -> Place:
        """Where one goes."""
        return Place(TO, self.city() if self.chance(0.35) else self.bare("W"))

    def city(self) -> Name:
        """A city."""
        return Name(self.zipf(lexicon.CITIES, NAME_EXPONENT), feminine=False)

    def bare(self, kind: str) -> Nominal:
        """A noun with its determiner, sometimes an adjective."""
        adjectives = self.adjectives(kind) if self.chance(ADJECTIVE / 2) else ()
        return Nominal(self.noun(kind), self.weighted(PLACE_DETERMINERS), False, adjectives)


def plain_tense(verb: Verb, subject: NounPhrase, tense: str) -> str:
    """The tense, but the past for "they read", which could be either."""
    agree = features(subject)
    ambiguous = verb.base == verb.past and (agree.plural or agree.person < 3)
    return "past" if ambiguous and tense == "present" else tense


def differ(one: NounPhrase, other: NounPhrase) -> bool:
    """Whether two phrases can mean two things: not the same noun or name, not I and me, we and me."""
    match one, other:
        case (Nominal(), Nominal()):
            return one.noun != other.noun
        case (Name(), Name()):
            return one.words != other.words
        case (Pronoun(), Pronoun()):
            return features(one).person != features(other).person or features(one).person == 3
        case (Group(), _):
            return all(differ(member, other) for member in one.members)
        case (_, Group()):
            return all(differ(one, member) for member in other.members)
    return True
