"""The phrase grammar: whole sentences, drawn at random."""

from collections.abc import Callable
from dataclasses import replace

from pipeline.demo import english, lexicon
from pipeline.demo.clauses import ACTIONS, Clauses
from pipeline.demo.phrases import (
    ADJECTIVE_EXPONENT,
    FULL,
    SUBJECTS,
    VERB_EXPONENT,
    adjectives_of,
    differ,
    plain_tense,
    verbs_of,
)
from pipeline.demo.tree import (
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

# Shares of the kinds of sentence, in proportion.
SENTENCES = {"plain": 76, "question": 10, "subordination": 7, "coordination": 3, "anaphora": 3, "long": 1}
QUESTIONS = {"": 46, "who": 16, "what": 12, "where": 12, "when": 7, "why": 7}
FRONTED = 0.08
LONG_MINIMUM = 14  # words, up to the longest sentence that is asked for
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
FIRST = 0.5  # share of when, if and while that stand before the main clause
SAME_SUBJECT = 0.4
PLACELESS = {"transitive": 65, "intransitive": 35}
SHORT = {"transitive": 40, "intransitive": 25, "state": 30, "motion": 5}


class Grammar(Clauses):
    """Draws sentences."""

    def __init__(self, seed: int, max_words: int) -> None:
        super().__init__(seed)
        self.max_words = max_words

    def sentence(self) -> Sentence:
        """Any sentence."""
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
        """One clause, sometimes with a fronted adverbial."""
        clause = self.clause()
        if clause.predicates[0].after or not self.chance(FRONTED):
            return clause
        tense = "" if clause.modal else clause.tense
        is_state = isinstance(clause.predicates[0], State)
        return replace(clause, fronted=self.time(tense) if is_state else self.adverbial(tense, action=False))

    def question(self) -> Question:
        """A question for yes or no, or with a question word."""
        word = self.weighted(QUESTIONS)
        tense = self.weighted({"past": 50, "present": 30, "future": 20})
        match word:
            case "":
                return Question(self.clause())
            case "who":
                return Question(self.clause(tense, Gap(Features()), ACTIONS), word)
            case "what":
                verb = self.zipf([one for one in lexicon.TRANSITIVE if "P" in one.subjects], VERB_EXPONENT)
                subject = self.phrase("P", SUBJECTS)
                return Question(Clause(subject, (Act(verb, Gap(Features())),), tense), word)
        clause = self.clause(tense, None, ACTIONS if word == "why" else PLACELESS)
        predicate = replace(clause.predicates[0], after=())
        return Question(replace(clause, predicates=(predicate,), middle=None, negation=""), word)

    def subordination(self) -> Subordination:
        """Two clauses, one when, if, while or because of the other."""
        conjunction, tense, main_tense = self.zipf(SUBORDINATIONS, 0.5)
        main = self.clause(main_tense, None, SHORT if main_tense != "past_progressive" else ACTIONS)
        subject = self.taken_up(main.subject)
        lower = self.clause(tense, subject, SHORT if tense != "past_progressive" else ACTIONS)
        main, lower = settled(main), settled(lower)
        first = conjunction != "because" and self.chance(FIRST)
        if first and subject:  # the name comes first, the pronoun second
            main, lower = replace(main, subject=subject), replace(lower, subject=main.subject)
        return Subordination(conjunction, lower, main, first)

    def taken_up(self, subject: NounPhrase) -> Pronoun | None:
        """The pronoun for a person who is the subject of the other clause, now and then."""
        person = isinstance(subject, Name) or (isinstance(subject, Nominal) and subject.noun.kind == "P")
        agree = features(subject)
        if not person or agree.plural or not self.chance(SAME_SUBJECT):
            return None
        return Pronoun(agree)

    def coordination(self) -> Coordination:
        """Two clauses with and or but."""
        tense = self.weighted({"past": 50, "present": 35, "future": 15})
        first = self.clause(tense, None, SHORT)
        while not differ((second := self.clause(tense, None, SHORT)).subject, first.subject):
            continue
        return Coordination(self.weighted({"and": 60, "but": 40}), (first, second))

    def anaphora(self) -> Sentence:
        """The teacher bought a car and sold it; ... because it was new."""
        kind = self.kind("VTCRAFPKM")
        tense = self.weighted({"past": 60, "present": 20, "future": 20})
        subject, thing = self.defined(self.phrase("P", FULL)), self.nominal(kind)
        events = [one for one in verbs_of("P", kind) if not one.state and plain_tense(one, subject, tense) == tense]
        first = self.zipf(events, VERB_EXPONENT)
        pronoun = Pronoun(features(thing), thing=kind != "P")
        if kind != "P" and self.chance(0.4):
            state = State(lexicon.LINKING[0], self.zipf(adjectives_of(kind), ADJECTIVE_EXPONENT))
            reason = Clause(pronoun, (state,), "past" if tense == "past" else "present")
            return Subordination("because", reason, Clause(subject, (Act(first, thing),), tense), False)
        second = self.zipf([one for one in events if one != first], VERB_EXPONENT)
        return Clause(subject, (Act(first, thing), Act(second, pronoun)), tense)

    def long(self) -> Coordination:
        """Clauses in a row, up to a length that is drawn."""
        wanted = LONG_MINIMUM + self.below(max(1, self.max_words - LONG_MINIMUM + 1))
        tense = self.weighted({"past": 60, "present": 30, "future": 10})
        clauses = [self.clause(tense, None, SHORT)]
        while True:
            longer = [*clauses, self.clause(tense, None, SHORT)]
            if len(clauses) > 1 and len(english.sentence(Coordination("and", tuple(longer))).split()) > wanted:
                return Coordination("and", tuple(clauses))
            clauses = longer


def settled(clause: Clause) -> Clause:
    """A clause that tells one event: no modal verb, no never, no often."""
    return replace(clause, modal=None, middle=None, negation=clause.negation.replace("never", ""))
