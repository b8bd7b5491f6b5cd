"""Random noun phrases and adverbials."""

from dataclasses import replace
from functools import cache

from pipeline.sources.demo import lexicon
from pipeline.sources.demo.dice import Dice
from pipeline.sources.demo.lexicon import Adjective, Noun, Phrase, Verb
from pipeline.sources.demo.tree import (
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

# The probability of rank r is proportional to (r + 2) ** -EXPONENT; larger exponents make an easier corpus.
NOUN_EXPONENT = 3.2
VERB_EXPONENT = 2.8
ADJECTIVE_EXPONENT = 2.8
NAME_EXPONENT = 3.0
PHRASE_EXPONENT = 2.6
KIND_EXPONENT = 2.2

# Relative frequencies.
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
    """Return the adjectives for a kind of noun, on both sides of the French noun or on one."""
    return [
        adjective for adjective in lexicon.ADJECTIVES if kind in adjective.kinds and before in (None, adjective.before)
    ]


@cache
def verbs_of(subject: str, thing: str) -> list[Verb]:
    """Return the transitive verbs that take these kinds of subject and object."""
    return [verb for verb in lexicon.TRANSITIVE if subject in verb.subjects and thing in verb.objects]


class Phrases(Dice):
    """A generator of random noun phrases and adverbials."""

    def kind(self, kinds: str) -> str:
        """Draw a kind of noun, the first kinds most often."""
        return self.zipf(kinds, KIND_EXPONENT)

    def noun(self, kind: str) -> Noun:
        """Draw a noun of a kind."""
        return self.zipf(lexicon.NOUNS[kind], NOUN_EXPONENT)

    def subject(self, kinds: str = "P") -> NounPhrase:
        """Draw a subject of one of some kinds."""
        kind = "P" if "P" in kinds and self.chance(0.9) else self.kind(kinds)
        return self.defined(self.phrase(kind, SUBJECTS, relative=RELATIVE))

    def defined(self, phrase: NounPhrase) -> NounPhrase:
        """Return the phrase with `the` instead of a bare plural or partitive, as French subjects require."""
        if isinstance(phrase, Nominal) and phrase.determiner == "a" and (phrase.plural or phrase.noun.mass):
            return replace(phrase, determiner="the")
        return phrase

    def object(self, verb: Verb, subject: NounPhrase) -> NounPhrase:
        """Draw an object that differs from the subject."""
        while True:
            phrase = self.phrase(self.kind(verb.objects), OBJECTS, relative=RELATIVE)
            if differ(phrase, subject):
                return self.defined(phrase) if verb.state else phrase

    def phrase(self, kind: str, shares: dict[str, int], relative: float = 0.0) -> NounPhrase:
        """Draw a noun phrase of a kind, which for persons may be a pronoun, a name or a group."""
        match self.weighted(shares) if kind == "P" else "nominal":
            case "pronoun":
                return PERSONS[self.weighted(PRONOUNS)]
            case "name":
                return self.name()
            case "group":
                return self.group()
        return self.nominal(kind, relative=relative)

    def name(self) -> Name:
        """Draw a first name, sometimes with a family name."""
        feminine = self.chance(0.5)
        words = self.zipf(lexicon.WOMEN if feminine else lexicon.MEN, NAME_EXPONENT)
        if self.chance(FAMILY_NAME):
            family = " " + lexicon.FAMILY_NAMES[self.below(len(lexicon.FAMILY_NAMES))]
            words = Phrase(words.english + family, words.french + family)
        return Name(words, feminine)

    def group(self) -> Group:
        """Draw a group of two to four persons."""
        members: list[NounPhrase] = []
        while len(members) < 2 or (len(members) < 4 and self.chance(0.15)):
            person = self.phrase("P", FULL)
            if all(differ(person, member) for member in members):
                members.append(person)
        return Group(tuple(members))

    def nominal(self, kind: str, shares: dict[str, int] | None = None, relative: float = 0.0) -> Nominal:
        """Draw a noun with determiner, adjectives, and an owner, place or relative clause."""
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
        """Draw an owner."""
        return self.name() if self.chance(0.5) else Nominal(self.noun("P"), "the", self.chance(PLURAL))

    def adjectives(self, kind: str) -> tuple[Adjective, ...]:
        """Draw an adjective, or one for each side of the French noun."""
        if self.chance(SECOND_ADJECTIVE):
            sides = [adjectives_of(kind, before=True), adjectives_of(kind, before=False)]
            return tuple(self.zipf(side, ADJECTIVE_EXPONENT) for side in sides if side)
        fitting = adjectives_of(kind)
        return (self.zipf(fitting, ADJECTIVE_EXPONENT),) if fitting else ()

    def relative(self, noun: Noun, plural: bool) -> Clause | None:
        """Draw a relative clause for a noun, None if nothing fits."""
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
        """Draw a clause like: who sleeps, who sells the car."""
        if self.chance(0.5):
            return Clause(gap, (Act(self.zipf(lexicon.INTRANSITIVE, VERB_EXPONENT)),), tense)
        verb = self.zipf([verb for verb in lexicon.TRANSITIVE if "P" in verb.subjects], VERB_EXPONENT)
        thing = self.nominal(self.kind(verb.objects))
        return Clause(gap, (Act(verb, self.defined(thing) if verb.state else thing),), plain_tense(verb, gap, tense))

    # Adverbials

    def adverbial(self, tense: str, action: bool) -> Adverbial:
        """Draw an adverbial for a tense, those of manner and company for actions only."""
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
        """Draw an adverbial of time that suits a tense."""
        if tense in TIME_OF_TENSE and self.chance(0.8):
            return self.zipf(lexicon.TIMES[TIME_OF_TENSE[tense]], PHRASE_EXPONENT)
        return self.zipf(lexicon.TIMES_OF_DAY, PHRASE_EXPONENT)

    def place(self) -> Place:
        """Draw the place of a thing or event."""
        if self.chance(CITY):
            return Place(IN, self.city())
        preposition, kinds = self.zipf(lexicon.PLACES, PHRASE_EXPONENT)
        return Place(preposition, self.bare(self.kind(kinds)))

    def goal(self) -> Place:
        """Draw the goal of a motion."""
        return Place(TO, self.city() if self.chance(0.35) else self.bare("W"))

    def city(self) -> Name:
        """Draw a city."""
        return Name(self.zipf(lexicon.CITIES, NAME_EXPONENT), feminine=False)

    def bare(self, kind: str) -> Nominal:
        """Draw a noun with its determiner, and sometimes an adjective."""
        adjectives = self.adjectives(kind) if self.chance(ADJECTIVE / 2) else ()
        return Nominal(self.noun(kind), self.weighted(PLACE_DETERMINERS), False, adjectives)


def plain_tense(verb: Verb, subject: NounPhrase, tense: str) -> str:
    """Return the tense, or the past where the English verb is ambiguous: they read."""
    agree = features(subject)
    ambiguous = verb.base == verb.past and (agree.plural or agree.person < 3)
    return "past" if ambiguous and tense == "present" else tense


def differ(first: NounPhrase, second: NounPhrase) -> bool:
    """Return True if two phrases can denote different things: other nouns, names or persons."""
    match first, second:
        case (Nominal(), Nominal()):
            return first.noun != second.noun
        case (Name(), Name()):
            return first.words != second.words
        case (Pronoun(), Pronoun()):
            return features(first).person != features(second).person or features(first).person == 3
        case (Group(), _):
            return all(differ(member, second) for member in first.members)
        case (_, Group()):
            return all(differ(first, member) for member in second.members)
    return True
