"""Random clauses of every kind."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.sources.demo import lexicon
from pipeline.sources.demo.lexicon import Adjective, Verb
from pipeline.sources.demo.phrases import (
    ADJECTIVE_EXPONENT,
    FULL,
    IN,
    OBJECTS,
    PERSONS,
    PHRASE_EXPONENT,
    QUANTITIES,
    RELATIVE,
    SUBJECTS,
    VERB_EXPONENT,
    Phrases,
    adjectives_of,
    differ,
    plain_tense,
)
from pipeline.sources.demo.tree import (
    Act,
    Adverbial,
    Clause,
    Existence,
    Group,
    Nominal,
    NounPhrase,
    Passive,
    Place,
    State,
    Weather,
    features,
)

# Relative frequencies of the kinds of clauses.
CLAUSES = {
    "transitive": 34,
    "intransitive": 12,
    "state": 12,
    "passive": 9,
    "ditransitive": 7,
    "oblique": 5,
    "motion": 5,
    "control": 5,
    "content": 4,
    "existence": 3,
    "weather": 1,
}
ACTIONS = {"transitive": 55, "intransitive": 30, "ditransitive": 7, "motion": 8}
TENSES = {"past": 42, "present": 24, "future": 14, "progressive": 9, "past_progressive": 5, "perfect": 6}
LINKING = {0: 84, 1: 6, 2: 6, 3: 4}
NEGATION = 0.15
NEVER = 0.25
MODAL = 0.2  # of clauses in the present
MIDDLE = 0.05  # of clauses in the present and the past
ADVERBIAL = 0.12
AGENT = 0.75

# States have no progressive and no perfect; this is the nearest tense.
TENSES_OF_STATES = {"progressive": "present", "past_progressive": "past", "perfect": "past"}
# Tenses of a clause after "that", by the tense of the main clause.
REPORTED = {
    "present": {"present": 40, "past": 30, "future": 30},
    "past": {"pluperfect": 40, "conditional": 35, "past": 25},
}
# Adjectives that take more, less and very.
GRADED = """
    big small old young beautiful rich happy sad kind heavy expensive long strange pretty strong brave poor
    important intelligent interesting dangerous famous polite quiet lazy clever proud cruel fast slow useful
    generous jealous elegant comfortable tired angry sick curious nervous
"""
INDEFINITE = {"a": 84, "quantity": 16}


class Clauses(Phrases):
    """A generator of random clauses."""

    def clause(
        self, tense: str = "", subject: NounPhrase | None = None, shares: dict[str, int] | None = None
    ) -> Clause:
        """Draw a clause of any kind, for any subject or a given person."""
        builders: dict[str, Callable[[str, NounPhrase | None], Clause]] = {
            "transitive": self.transitive,
            "intransitive": self.intransitive,
            "state": self.state,
            "passive": self.passive,
            "ditransitive": self.ditransitive,
            "oblique": self.oblique,
            "motion": self.motion,
            "control": self.control,
            "content": self.content,
            "existence": self.existence,
            "weather": self.weather,
        }
        kind = self.weighted(shares or CLAUSES)
        if subject and kind in ("existence", "weather"):
            kind = "intransitive"
        return builders[kind](tense or self.weighted(TENSES), subject)

    def verb(self, verbs: Sequence[Verb], tense: str, subject: NounPhrase | None) -> Verb:
        """Draw a verb that has this tense, and takes persons as subjects if the subject is given."""
        while True:
            verb = self.zipf(verbs, VERB_EXPONENT)
            if (subject is None or "P" in verb.subjects) and has_tense(verb, tense):
                return verb

    def finish(self, clause: Clause, action: bool = True) -> Clause:
        """Add negation, modal verb, adverb and adverbial to a clause, each with its probability."""
        tense = clause.tense
        if self.chance(NEGATION):
            never = tense in ("present", "past") and self.chance(NEVER)
            if never:
                return deny(clause, "never")
            clause = deny(clause, "not")
        if tense == "present" and not isinstance(clause.predicates[0], State) and self.chance(MODAL):
            clause = replace(clause, modal=self.zipf(lexicon.MODALS, PHRASE_EXPONENT))
        elif not clause.negation and tense in ("present", "past") and self.chance(MIDDLE):
            return replace(clause, middle=self.zipf(lexicon.MIDDLES, PHRASE_EXPONENT))
        return self.extend(clause, action) if self.chance(ADVERBIAL) else clause

    def extend(self, clause: Clause, action: bool) -> Clause:
        """Add an adverbial at the end of a clause."""
        predicate = clause.predicates[0]
        tense = "" if clause.modal else clause.tense
        after = self.time(tense) if isinstance(predicate, State) else self.adverbial(tense, action)
        return replace(clause, predicates=(replace(predicate, after=(after,)),))

    def transitive(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: the teacher reads the book."""
        verb = self.verb(lexicon.TRANSITIVE, tense, subject)
        subject = subject or self.subject(verb.subjects)
        if plain_tense(verb, subject, tense) != tense:  # "they read" is ambiguous
            tense = "progressive"
        return self.finish(Clause(subject, (Act(verb, self.object(verb, subject)),), tense), verb.progressive)

    def intransitive(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: the teacher sleeps."""
        verb = self.verb(lexicon.INTRANSITIVE, tense, subject)
        return self.finish(Clause(subject or self.subject(verb.subjects), (Act(verb),), tense))

    def oblique(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: the teacher answers the doctor."""
        verb = self.verb(lexicon.OBLIQUE, tense, subject)
        subject = subject or self.subject(verb.subjects)
        return self.finish(Clause(subject, (Act(verb, self.object(verb, subject)),), tense), verb.progressive)

    def ditransitive(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: the teacher gives the book to the doctor."""
        verb = self.verb(lexicon.DITRANSITIVE, tense, subject)
        subject = subject or self.subject(verb.subjects)
        if plain_tense(verb, subject, tense) != tense:
            tense = "progressive"
        given = self.given(verb)
        while True:
            recipient = self.phrase("P", OBJECTS)
            if differ(recipient, subject) and differ(recipient, given):
                return self.finish(Clause(subject, (Act(verb, given, recipient),), tense))

    def given(self, verb: Verb) -> NounPhrase:
        """Draw the given thing, never `me` or `us`, which French cannot combine with the clitic of a recipient."""
        if self.chance(0.06):
            return PERSONS["they"]
        kind = self.kind(verb.objects)
        return self.phrase(kind, FULL) if kind == "P" else self.nominal(kind)

    def motion(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: the teacher goes to the market."""
        verb = self.verb(lexicon.MOTION, tense, subject)
        act = Act(verb, goal=self.goal())
        clause = Clause(subject or self.subject(), (act,), tense)
        if self.chance(NEGATION):
            clause = deny(clause, "not")
        if tense in ("past", "present", "future") and self.chance(ADVERBIAL):
            time = self.zipf(lexicon.TIMES[tense], PHRASE_EXPONENT)
            clause = replace(clause, predicates=(replace(act, after=(time,)),))
        return clause

    def control(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: the teacher wants to read the book."""
        verb = self.verb(lexicon.CONTROL, tense, subject)
        subject = subject or self.phrase("P", SUBJECTS)
        inner = self.clause("past", subject, {"transitive": 6, "intransitive": 3, "motion": 1})
        act = inner.predicates[0]
        assert isinstance(act, Act)
        clause = Clause(subject, (Act(verb, infinitive=replace(act, after=())),), tense)
        return deny(clause, "not") if self.chance(NEGATION) else clause

    def content(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: the teacher says that the doctor is tired."""
        tense = "present" if tense in ("present", "progressive", "future") else "past"
        verb = self.verb(lexicon.CLAUSAL, tense, subject)
        reported = self.weighted(REPORTED[tense])
        kinds = {"transitive": 4, "intransitive": 3, "state": 3, "motion": 1}
        if (tense, reported) == ("past", "past"):  # this needs the imparfait, which only states have
            kinds = {"state": 1}
        reported_clause = self.clause(reported, None, kinds)
        return Clause(subject or self.phrase("P", SUBJECTS), (Act(verb, content=reported_clause),), tense)

    def passive(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: the book is read by the teacher."""
        tense = TENSES_OF_STATES.get(tense, tense) if tense != "perfect" else tense
        verbs = [verb for verb in lexicon.TRANSITIVE if "n" not in verb.marks and (not subject or "P" in verb.objects)]
        verb = self.zipf(verbs, VERB_EXPONENT)
        if tense == "perfect" and verb.state:
            tense = "past"
        kind = self.kind(verb.objects)
        subject = subject or self.defined(self.phrase(kind, SUBJECTS))
        while True:
            agent = self.phrase("P" if "P" in verb.subjects else "A", FULL)
            if differ(agent, subject):
                break
        passive = Passive(verb, agent if verb.state or self.chance(AGENT) else None)
        return self.finish(Clause(subject, (passive,), tense), action=False)

    def state(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: the teacher is tired."""
        tense = TENSES_OF_STATES.get(tense, tense)
        kind = "P" if subject or self.chance(0.6) else self.kind("AVTRCFWBM")
        subject = subject or self.defined(self.phrase(kind, SUBJECTS, relative=RELATIVE))
        form = self.weighted({"adjective": 76, "comparison": 10, "noun": 6, "place": 8})
        if form == "place" and kind in "PAVTRC":
            return self.deny_sometimes(Clause(subject, (State(lexicon.LINKING[0], after=(self.place(),)),), tense))
        if form == "noun" and kind == "P" and not isinstance(subject, Group):
            return self.deny_sometimes(Clause(subject, (State(lexicon.LINKING[0], noun=self.role(subject)),), tense))
        verb = lexicon.LINKING[self.weighted(LINKING) if kind == "P" else 0]
        adjective = self.zipf(adjectives_of(kind), ADJECTIVE_EXPONENT)
        if form == "comparison" and adjective.english in GRADED.split():
            return Clause(subject, (self.comparison(adjective, kind, subject),), tense)
        degree = adjective.english in GRADED.split() and self.chance(0.3)
        state = State(verb, adjective, self.zipf(lexicon.DEGREES, PHRASE_EXPONENT) if degree else None)
        return self.finish(Clause(subject, (state,), tense), action=False)

    def deny_sometimes(self, clause: Clause) -> Clause:
        """Negate a clause with probability `NEGATION`."""
        return deny(clause, "not") if self.chance(NEGATION) else clause

    def role(self, subject: NounPhrase) -> Nominal:
        """Draw a role such as `a good teacher`, in the gender of the subject."""
        agree = features(subject)
        while True:
            noun = self.noun("P")
            if noun.feminine == agree.feminine and not (isinstance(subject, Nominal) and subject.noun == noun):
                return Nominal(noun, "a", agree.plural, (self.zipf(adjectives_of("P"), ADJECTIVE_EXPONENT),))

    def comparison(self, adjective: Adjective, kind: str, subject: NounPhrase) -> State:
        """Draw a comparison such as `bigger than the dog` or `as big as the dog`."""
        degree = self.weighted({"more": 70, "as": 22, "less": 8})
        while True:
            standard = self.phrase(kind, FULL)
            if differ(standard, subject):
                return State(lexicon.LINKING[0], adjective, None, degree, standard)

    def existence(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: there is a cat in the garden."""
        tense = TENSES_OF_STATES.get(tense, tense)
        noun = self.nominal(self.kind("ATPVF"), INDEFINITE)
        while noun.owner or noun.determiner in ("every", "all"):
            noun = replace(noun, owner=None, determiner="a")
        after: tuple[Adverbial, ...] = (self.place(),)
        clause = Clause(PERSONS["he"], (Existence(noun, after),), tense)
        return deny(clause, "not") if noun.determiner == "a" and self.chance(NEGATION) else clause

    def weather(self, tense: str, subject: NounPhrase | None) -> Clause:
        """Draw a clause like: it is raining."""
        tense = "progressive" if tense in ("present", "perfect") else tense
        verb = self.zipf(lexicon.WEATHER, VERB_EXPONENT)
        after = Place(IN, self.city()) if self.chance(0.4) else self.time(tense)
        return Clause(PERSONS["he"], (Weather(verb, (after,)),), tense)


def has_tense(verb: Verb, tense: str) -> bool:
    """Return True if the verb has this tense, because states have no progressive and no perfect."""
    return (verb.progressive or "progressive" not in tense) and not (verb.state and tense == "perfect")


def deny(clause: Clause, word: str) -> Clause:
    """Return the negated clause, with an indefinite article for quantities (he does not read a book)."""
    predicate = clause.predicates[0]
    if isinstance(predicate, Act) and isinstance(predicate.object, Nominal):
        noun = predicate.object
        if noun.determiner in QUANTITIES:
            predicate = replace(predicate, object=replace(noun, determiner="a"))
    return replace(clause, predicates=(predicate,), negation=word)
