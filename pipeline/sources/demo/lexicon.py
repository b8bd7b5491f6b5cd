"""The lexicon of the demo corpus: nouns, names, adjectives, verbs, adverbs and prepositions, read from their lists."""

from dataclasses import dataclass

from pipeline.sources.demo import adjectives, nouns, verbs


@dataclass(frozen=True)
class Noun:
    """A noun in both languages, with a kind, which is a letter of nouns.NOUNS."""

    english: str
    english_plural: str
    french: str
    french_plural: str
    feminine: bool
    kind: str

    @property
    def mass(self) -> bool:
        """True for uncountable nouns: water, bread."""
        return self.kind in "DK"


@dataclass(frozen=True)
class Adjective:
    """An adjective in both languages, with `before` for its position in French."""

    english: str
    comparative: str
    french: str
    feminine: str
    before: bool
    kinds: str


@dataclass(frozen=True)
class Verb:
    """A verb with its kinds of subjects and objects, as verbs.py explains."""

    base: str
    past: str
    participle: str
    particle: str
    french: str
    reflexive: bool
    subjects: str
    objects: str
    link: str
    marks: str

    @property
    def state(self) -> bool:
        """True for states, whose past is the imparfait: knew, connaissait."""
        return "s" in self.marks

    @property
    def progressive(self) -> bool:
        """True if the verb has tenses in -ing."""
        return not set("sp") & set(self.marks)

    @property
    def with_etre(self) -> bool:
        """True if compound tenses take être."""
        return "e" in self.marks or self.reflexive

    @property
    def preposition(self) -> str:
        """The preposition before the French object, or ""."""
        return "à" if "a" in self.marks else "de" if "d" in self.marks else ""


@dataclass(frozen=True)
class Phrase:
    """A pair of fixed words: an adverb, a preposition or a modal verb."""

    english: str
    french: str
    tense: str = ""


def plural_in_english(word: str) -> str:
    """Return the regular plural of a word."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") and word[-2] not in "aeou" else word + "s"


def plural_in_french(word: str) -> str:
    """Return the regular plural of a noun, adjective or participle."""
    if word.endswith(("s", "x", "z")):
        return word
    if word.endswith(("eau", "eu")) and word not in ("bleu", "pneu"):
        return word + "x"
    return word[:-2] + "aux" if word.endswith("al") else word + "s"


def read_noun(entry: str, kind: str) -> Noun:
    """Parse an entry of nouns.NOUNS."""
    gender, english, french = entry.split()
    singular, _, plural = english.replace("_", " ").partition(":")
    singulier, _, pluriel = french.replace("_", " ").partition(":")
    plurals = (plural or plural_in_english(singular), pluriel or plural_in_french(singulier))
    return Noun(singular, plurals[0], singulier, plurals[1], gender == "f", kind)


def read_verb(line: str) -> Verb:
    """Parse a line of verbs.py."""
    english, french, subjects, *rest = (part.strip() for part in line.split("|"))
    objects, marks = (*rest, "", "")[:2]
    forms, _, particle = english.partition(" ")
    base, past, participle = forms.split("/") if "/" in forms else (forms, regular_past(forms), regular_past(forms))
    reflexive = french.startswith(("se ", "s'"))
    infinitive = french.removeprefix("se ").removeprefix("s'") if reflexive else french
    is_link = objects in ("de", "à")
    kinds, link = ("", objects) if is_link else (objects, "")
    return Verb(base, past, participle, particle, infinitive, reflexive, subjects, kinds, link, marks)


# Verbs that double their last letter before -ed and -ing.
DOUBLING = ("stop", "prefer", "run", "swim", "cut", "get", "begin", "forget")


def regular_past(base: str) -> str:
    """Return the regular past tense, which is also the participle."""
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in "aeou":
        return base[:-1] + "ied"
    return base + base[-1] * (base in DOUBLING) + "ed"


def feminine_of(adjective: str) -> str:
    """Return the feminine of a regular adjective."""
    for ending, feminine in (("e", "e"), ("eux", "euse"), ("er", "ère"), ("f", "ve"), ("el", "elle"), ("en", "enne")):
        if adjective.endswith(ending):
            return adjective.removesuffix(ending) + feminine
    return adjective + "e"


def read_adjective(entry: str) -> Adjective:
    """Parse an entry of adjectives.ADJECTIVES."""
    english, french, kinds, *marks = entry.split()
    english, _, comparative = english.partition(":")
    french, _, feminine = french.partition(":")
    return Adjective(
        english, comparative or f"more {english}", french, feminine or feminine_of(french), "b" in marks, kinds
    )


def entries(text: str, separator: str = ",") -> list[str]:
    """Split a list into its entries, without surrounding space."""
    return [entry.strip() for entry in text.split(separator) if entry.strip()]


def phrases(text: str, tense: str = "") -> list[Phrase]:
    """Parse entries `English = French`."""
    pairs = (entry.split(" = ") for entry in entries(text))
    return [Phrase(english, french, tense) for english, french in pairs]


def pairs_of_names(text: str) -> list[Phrase]:
    """Parse names with an optional French form after a colon."""
    names = (name.partition(":") for name in text.split())
    return [Phrase(english, french or english) for english, _, french in names]


NOUNS = {kind: [read_noun(entry, kind) for entry in entries(text)] for kind, text in nouns.NOUNS.items()}
ALL_NOUNS = [noun for kind in NOUNS.values() for noun in kind]
TRANSITIVE = [read_verb(line) for line in entries(verbs.TRANSITIVE, "\n")]
INTRANSITIVE = [read_verb(line) for line in entries(verbs.INTRANSITIVE, "\n")]
MOTION = [read_verb(line) for line in entries(verbs.MOTION, "\n")]
OBLIQUE = [read_verb(line) for line in entries(verbs.OBLIQUE, "\n")]
DITRANSITIVE = [read_verb(line) for line in entries(verbs.DITRANSITIVE, "\n")]
CONTROL = [read_verb(line) for line in entries(verbs.CONTROL, "\n")]
CLAUSAL = [read_verb(line) for line in entries(verbs.CLAUSAL, "\n")]
LINKING = [read_verb(line) for line in entries(verbs.LINKING, "\n")]
WEATHER = [read_verb(line) for line in entries(verbs.WEATHER, "\n")]
WOMEN = pairs_of_names(nouns.WOMEN)
MEN = pairs_of_names(nouns.MEN)
CITIES = pairs_of_names(nouns.CITIES)
FAMILY_NAMES = [start + end for start in nouns.FAMILY_STARTS.split() for end in nouns.FAMILY_ENDS.split()]

ADJECTIVES = [read_adjective(entry) for entry in entries(adjectives.ADJECTIVES)]

TIMES = {
    "past": phrases(
        "yesterday = hier, last week = la semaine dernière, last night = hier soir, last year = l'année dernière,"
        " two days ago = il y a deux jours, last month = le mois dernier, last summer = l'été dernier,"
        " the day before yesterday = avant-hier, three years ago = il y a trois ans, last winter = l'hiver dernier"
    ),
    "present": phrases(
        "every day = chaque jour, now = maintenant, today = aujourd'hui, every week = chaque semaine,"
        " every evening = chaque soir, on Sundays = le dimanche, at the moment = en ce moment, nowadays = de nos jours"
    ),
    "progressive": phrases("now = maintenant, today = aujourd'hui, at the moment = en ce moment"),
    "future": phrases(
        "tomorrow = demain, next week = la semaine prochaine, tonight = ce soir, soon = bientôt,"
        " next year = l'année prochaine, in two days = dans deux jours, next month = le mois prochain,"
        " the day after tomorrow = après-demain, next summer = l'été prochain"
    ),
}
TIMES_OF_DAY = phrases(
    "in the morning = le matin, in the evening = le soir, at night = la nuit, in the afternoon = l'après-midi,"
    " in winter = en hiver, in summer = en été, in spring = au printemps, at midnight = à minuit, at dawn = à l'aube"
)
MANNERS = phrases(
    "slowly = lentement, quickly = rapidement, quietly = doucement, carefully = soigneusement,"
    " patiently = patiemment, silently = silencieusement, in silence = en silence, bravely = courageusement,"
    " with pleasure = avec plaisir, nervously = nerveusement, proudly = fièrement, in secret = en secret"
)
MIDDLES = phrases("often = souvent, always = toujours, sometimes = parfois, rarely = rarement")
DEGREES = phrases("very = très, too = trop, really = vraiment, a little = un peu, extremely = extrêmement")
MODALS = [
    Phrase("can", "pouvoir", "present"),
    Phrase("must", "devoir", "present"),
    Phrase("could", "pouvoir", "imperfect"),
    Phrase("should", "devoir", "conditional"),
]
# Prepositions with the kinds of places that they take; the French form ends in the word that contracts.
PLACES = [
    (Phrase("in", "dans"), "L"),
    (Phrase("at", "à"), "W"),
    (Phrase("near", "près de"), "BWN"),
    (Phrase("on", "sur"), "U"),
    (Phrase("in front of", "devant"), "BWU"),
    (Phrase("behind", "derrière"), "BWU"),
    (Phrase("under", "sous"), "U"),
    (Phrase("next to", "à côté de"), "BUN"),
    (Phrase("far from", "loin de"), "BW"),
]
