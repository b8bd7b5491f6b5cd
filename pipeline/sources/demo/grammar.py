"""The phrase grammar: random sentences."""

from collections.abc import Callable
from dataclasses import replace

from pipeline.sources.demo import english, lexicon
from pipeline.sources.demo.clauses import ACTIONS, Clauses
from pipeline.sources.demo.phrases import (
    ADJECTIVE_EXPONENT,
    FULL,
    SUBJECTS,
    VERB_EXPONENT,
    adjectives_of,
    differ,
    plain_tense,
    verbs_of,
)
from pipeline.sources.demo.tree import (
    Act,
    Clause,
    Coordination,
    Features,
    Gap,
    Name,
    Nominal,
    NounPhrase,
    Pronoun,
    Question,
    Sentence,
    State,
    Subordination,
    features,
)

# Relative frequencies of the kinds of sentences.
SENTENCES = {"plain": 76, "question": 10, "subordination": 7, "coordination": 3, "anaphora": 3, "long": 1}
QUESTIONS = {"": 46, "who": 16, "what": 12, "where": 12, "when": 7, "why": 7}
FRONTED = 0.08
LONG_MINIMUM = 14  # words of the shortest long sentence
# Conjunction, tense of its clause, tense of the main clause.
SUBORDINATIONS = [
    ("because", "past", "past"),
    ("when", "past", "past_progressive"),
    ("if", "present", "future"),
    ("when", "past", "past"),
    ("when", "when_future", "future"),
    ("because", "present", "present"),
    ("while", "past_progressive", "past"),
    ("when", "present", "present"),
    ("because", "present", "future"),
    ("if", "present", "present"),
]
FIRST = 0.5  # share of clauses with when, if or while that precede the main clause
SAME_SUBJECT = 0.4
PLACELESS = {"transitive": 65, "intransitive": 35}
SHORT = {"transitive": 40, "intransitive": 25, "state": 30, "motion": 5}


class Grammar(Clauses):
    """A generator of random sentences."""

    def __init__(self, seed: int, max_words: int) -> None:
        super().__init__(seed)
        self.max_words = max_words

    def sentence(self) -> Sentence:
        """Draw a sentence of any kind."""
        kinds: dict[str, Callable[[], Sentence]] = {
            "plain": self.plain,
            "question": self.question,
            "subordination": self.subordination,
            "coordination": self.coordination,
            "anaphora": self.anaphora,
            "long": self.long,
        }
        return kinds[self.weighted(SENTENCES)]()

    def plain(self) -> Clause:
        """Draw a clause, sometimes with a fronted adverbial."""
        clause = self.clause()
        if clause.predicates[0].after or not self.chance(FRONTED):
            return clause
        tense = "" if clause.modal else clause.tense
        is_state = isinstance(clause.predicates[0], State)
        return replace(clause, fronted=self.time(tense) if is_state else self.adverbial(tense, action=False))

    def question(self) -> Question:
        """Draw a question of yes or no, or one with a question word."""
        word = self.weighted(QUESTIONS)
        tense = self.weighted({"past": 50, "present": 30, "future": 20})
        match word:
            case "":
                return Question(self.clause())
            case "who":
                return Question(self.clause(tense, Gap(Features()), ACTIONS), word)
            case "what":
                verb = self.zipf([verb for verb in lexicon.TRANSITIVE if "P" in verb.subjects], VERB_EXPONENT)
                subject = self.phrase("P", SUBJECTS)
                return Question(Clause(subject, (Act(verb, Gap(Features())),), tense), word)
        clause = self.clause(tense, None, ACTIONS if word == "why" else PLACELESS)
        predicate = replace(clause.predicates[0], after=())
        return Question(replace(clause, predicates=(predicate,), middle=None, negation=""), word)

    def subordination(self) -> Subordination:
        """Draw a main clause with a subordinate clause of time, condition or reason."""
        conjunction, tense, main_tense = self.zipf(SUBORDINATIONS, 0.5)
        main = self.clause(main_tense, None, SHORT if main_tense != "past_progressive" else ACTIONS)
        subject = self.taken_up(main.subject)
        lower = self.clause(tense, subject, SHORT if tense != "past_progressive" else ACTIONS)
        main, lower = settled(main), settled(lower)
        first = conjunction != "because" and self.chance(FIRST)
        if first and subject:  # the name must precede its pronoun
            main, lower = replace(main, subject=subject), replace(lower, subject=main.subject)
        return Subordination(conjunction, lower, main, first)

    def taken_up(self, subject: NounPhrase) -> Pronoun | None:
        """Return a pronoun for the person who is the subject of the other clause, or None."""
        person = isinstance(subject, Name) or (isinstance(subject, Nominal) and subject.noun.kind == "P")
        agree = features(subject)
        if not person or agree.plural or not self.chance(SAME_SUBJECT):
            return None
        return Pronoun(agree)

    def coordination(self) -> Coordination:
        """Draw two clauses joined by and or but."""
        tense = self.weighted({"past": 50, "present": 35, "future": 15})
        first = self.clause(tense, None, SHORT)
        while not differ((second := self.clause(tense, None, SHORT)).subject, first.subject):
            continue
        return Coordination(self.weighted({"and": 60, "but": 40}), (first, second))

    def anaphora(self) -> Sentence:
        """Draw a sentence that takes its object up, like: the teacher bought a car and sold it."""
        kind = self.kind("VTCRAFPKM")
        tense = self.weighted({"past": 60, "present": 20, "future": 20})
        subject, thing = self.defined(self.phrase("P", FULL)), self.nominal(kind)
        events = [verb for verb in verbs_of("P", kind) if not verb.state and plain_tense(verb, subject, tense) == tense]
        first = self.zipf(events, VERB_EXPONENT)
        pronoun = Pronoun(features(thing), thing=kind != "P")
        if kind != "P" and self.chance(0.4):
            state = State(lexicon.LINKING[0], self.zipf(adjectives_of(kind), ADJECTIVE_EXPONENT))
            reason = Clause(pronoun, (state,), "past" if tense == "past" else "present")
            return Subordination("because", reason, Clause(subject, (Act(first, thing),), tense), False)
        second = self.zipf([verb for verb in events if verb != first], VERB_EXPONENT)
        return Clause(subject, (Act(first, thing), Act(second, pronoun)), tense)

    def long(self) -> Coordination:
        """Draw a row of clauses up to a random length."""
        wanted = LONG_MINIMUM + self.below(max(1, self.max_words - LONG_MINIMUM + 1))
        tense = self.weighted({"past": 60, "present": 30, "future": 10})
        clauses = [self.clause(tense, None, SHORT)]
        while True:
            longer = [*clauses, self.clause(tense, None, SHORT)]
            if len(clauses) > 1 and len(english.sentence(Coordination("and", tuple(longer))).split()) > wanted:
                return Coordination("and", tuple(clauses))
            clauses = longer


def settled(clause: Clause) -> Clause:
    """Return a clause as a single event: without modal verb, never and often."""
    return replace(clause, modal=None, middle=None, negation=clause.negation.replace("never", ""))
