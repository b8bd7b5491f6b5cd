"""French words in context: elision, contraction, pronouns, determiners, adjectives."""

from pipeline.sources.demo.lexicon import Adjective, plural_in_french
from pipeline.sources.demo.tree import Features, Nominal, Pronoun

Words = list[str]
# Words of the lexicon with an aspirated h, before which nothing elides.
ASPIRATED = ("haricot", "héros", "hibou", "hérisson", "hache", "harpe", "hant")
ELIDING = ("le", "la", "je", "ne", "me", "te", "se", "de", "que")
BEFORE_VOWEL = {"beau": "bel", "vieux": "vieil", "nouveau": "nouvel"}
# Masculine, feminine, masculine and feminine before a vowel, masculine and feminine plural. Le and la elide later.
DETERMINERS = {
    "the": ("le", "la", "le", "la", "les", "les"),
    "all": ("tout le", "toute la", "tout le", "toute la", "tous les", "toutes les"),
    "this": ("ce", "cette", "cet", "cette", "ces", "ces"),
    "my": ("mon", "ma", "mon", "mon", "mes", "mes"),
    "his": ("son", "sa", "son", "son", "ses", "ses"),
    "her": ("son", "sa", "son", "son", "ses", "ses"),
    "our": ("notre", "notre", "notre", "notre", "nos", "nos"),
    "your": ("votre", "votre", "votre", "votre", "vos", "vos"),
    "their": ("leur", "leur", "leur", "leur", "leurs", "leurs"),
}
QUANTITIES = {
    "two": ["deux"],
    "three": ["trois"],
    "four": ["quatre"],
    "five": ["cinq"],
    "ten": ["dix"],
    "several": ["plusieurs"],
    "some": ["quelques"],
    "every": ["chaque"],
    "many": ["beaucoup", "de"],
}
SUBJECTS = {(1, False): "je", (1, True): "nous", (2, True): "vous"}
CLITICS = {(1, False): "me", (1, True): "nous", (2, True): "vous"}
STRESSED = {(1, False): "moi", (1, True): "nous", (2, True): "vous"}
CLITIC_ORDER = ("me", "se", "nous", "vous", "le", "la", "les", "lui", "leur")


def elides(word: str) -> bool:
    """Return True if a word before this one loses its last vowel."""
    first = word[0].lower()
    if first == "h":
        return not word.lower().startswith(ASPIRATED)
    return first in "aeiouyàâéèêëîïôœ"


def assemble(tokens: Words) -> str:
    """Join words to text: elision, commas, a capital."""
    text = ""
    for word, following in zip(tokens, [*tokens[1:], "."], strict=True):
        if (word in ELIDING and elides(following)) or (word == "si" and following in ("il", "ils")):
            text += word[:-1] + "'"
        else:
            text += word + " "
    text = text.replace(" ,", ",").strip()
    return text[0].upper() + text[1:]


def subject_pronoun(phrase: Pronoun) -> str:
    """Return a subject pronoun: je, il, elle, nous, vous, ils, elles."""
    agree = phrase.features
    if agree.person < 3:
        return SUBJECTS[agree.person, agree.plural]
    return ("elle" if agree.feminine else "il") + "s" * agree.plural


def clitic(phrase: Pronoun, dative: bool) -> str:
    """Return an object pronoun: le, la, les, lui, leur, me, nous, vous."""
    agree = phrase.features
    if agree.person < 3:
        return CLITICS[agree.person, agree.plural]
    if dative:
        return "leur" if agree.plural else "lui"
    return "les" if agree.plural else "la" if agree.feminine else "le"


def stressed(phrase: Pronoun) -> str:
    """Return a stressed pronoun: moi, lui, elle, nous, vous, eux, elles."""
    agree = phrase.features
    if agree.person < 3:
        return STRESSED[agree.person, agree.plural]
    return ("elle" + "s" * agree.plural) if agree.feminine else "eux" if agree.plural else "lui"


def reflexive(agree: Features) -> str:
    """Return a reflexive pronoun: me, se, nous, vous."""
    return "se" if agree.person == 3 else CLITICS[agree.person, agree.plural]


def order_clitics(clitics: Words) -> Words:
    """Sort clitics: me le, le lui, nous les."""
    return sorted(clitics, key=CLITIC_ORDER.index)


def adjective(entry: Adjective, feminine: bool, plural: bool, following: str = "") -> str:
    """Return an adjective in agreement, which is bel, vieil or nouvel before a masculine noun with a vowel."""
    if following and not feminine and not plural and elides(following):
        return BEFORE_VOWEL.get(entry.french, entry.french)
    form = entry.feminine if feminine else entry.french
    return plural_in_french(form) if plural else form


def determine(phrase: Nominal, core: Words, adjective_first: bool, negated: bool) -> Words:
    """Return the noun with its determiner."""
    vowel = elides(core[0])
    key = "the" if phrase.owner else phrase.determiner
    if key == "a":
        return [*indefinite(phrase, vowel, adjective_first, negated), *core]
    if key in QUANTITIES:
        return [*QUANTITIES[key], *core]
    place = 4 if phrase.plural else 2 if vowel else 0
    return [*DETERMINERS[key][place + phrase.noun.feminine].split(" "), *core]


def indefinite(phrase: Nominal, vowel: bool, adjective_first: bool, negated: bool) -> Words:
    """Return the indefinite or partitive article: un, une, des, de, du, de la, de l'."""
    if negated or (phrase.plural and adjective_first):
        return ["de"]
    if phrase.noun.mass:
        return ["de", "la"] if phrase.noun.feminine else ["de", "le"] if vowel else ["du"]
    return ["des" if phrase.plural else "une" if phrase.noun.feminine else "un"]


def contract(preposition: str, inner: Words) -> Words:
    """Contract à and de with le and les: du, des, au, aux."""
    article = inner[0]
    if article == "le" and not elides(inner[1]):
        return ["du" if preposition == "de" else "au", *inner[1:]]
    if article == "les":
        return ["des" if preposition == "de" else "aux", *inner[1:]]
    return [preposition, *inner]
