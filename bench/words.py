"""An unlimited number of words that look like English or French: a spelling for each rank of Zipf's law."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Ranks = NDArray[np.int64]

# Real words, most frequent first, which make nearly half of all text.
REAL = {
    "en": """the of and to in a is that for on with as by be this are it was from at have not or which an has I will we
        their its all can they more been also were our would other between but there such than no one new these should
        may about any his who if must under when into through those only some time countries you use over he so public
        first well most work made report members do states people very development including what said Mr. Mrs. Dr.
        No. U.S. e.g. i.e. it's don't can't I'm we're doesn't government European United Nations committee information
        international national social economic health policy services support system years each during both after""",
    "fr": """de la le et les des à en du que dans un une pour est qui par sur au plus ne pas aux sont avec ce il se nous
        ou cette ont été son mais leur comme être je sa ces a fait même aussi tout si deux entre sous peut ainsi vous
        ils elle bien sans autres doit où après lors dont nos encore très soit toute tous car afin cela temps pays
        Commission développement travail membres rapport État États-Unis l'Union d'une d'un qu'il n'est s'agit c'est
        l'article aujourd'hui M. Mme Mgr p. ex. n'a d'être l'on européenne politique droits santé services mise œuvre
        économique année années première conseil processus programme niveau toutes notre elles plusieurs chaque ça""",
    "de": """der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er
        hat daß sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis
        mehr durch man sein wurde wenn können Jahre gegen Vertrag möchte müssen größere Länder schließlich""",
    "es": """de la que el en y a los del se las por un para con no una su al lo como más o pero sus le ha me si sin
        sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué
        sólo han yo hay vez puede todos así nos ni parte tiene él uno donde bien tiempo señor comisión según""",
}


def listed(text: str) -> tuple[str, ...]:
    """Return the distinct words of a text, in order."""
    return tuple(dict.fromkeys(text.split()))


REAL_WORDS = {language: listed(text) for language, text in REAL.items()}
ONSETS = listed("b br c ch cl d dr f fl g gr h j l m n p pl pr qu r s st t tr v")
VOWELS = {"en": listed("a e i o u ea oo ai ou ee"), "fr": listed("a e i o u é è ou ai ê oi eau")}
CODAS = {"en": listed("n r l t s nd rt ck st ng sh p"), "fr": listed("n r l t c s x nt il ss mm p")}
ENDINGS = {
    "en": ("", *listed("s ed ing er ly tion ment al ity ness able ive ous est ful ation ies ism ist")),
    "fr": ("", *listed("s e es ent tion ment er ées ait eux ité able ique eur ante isme iste ation aient")),
}
ELISIONS = ("l'", "d'", "l’", "qu'", "n'", "s'", "d’", "l'")
NUMBERS = {
    "en": ("{a}", "19{b:02}", "{a},{c:03}", "{b}.{d}", "{b}%", "${a}", "{b}:{b:02}", "20{b:02}", "A/{b}/{c}", "{b}th"),
    "fr": ("{a}", "19{b:02}", "{a}\u00a0{c:03}", "{b},{d}", "{b}\u00a0%", "{a}\u00a0€", "{b}h{b:02}", "20{b:02}",
           "A/{b}/{c}", "{b}e"),
}  # fmt: skip
SHORTCUT = 1 << 18  # ranks with a cached spelling: 99 % of all text


def spell(language: str, rank: int) -> str:
    """Return the word of a rank, counted from 0: a real word, or a generated one of a shape found in real text."""
    real = REAL_WORDS[language]
    if rank < len(real):
        return real[rank]
    number = rank - len(real)
    return next((shape for every, shape in SHAPES if number % every == 3), stem)(language, number)


def stem(language: str, number: int) -> str:
    """Return a word of syllables and an ending, longer for larger numbers."""
    count = len(ONSETS) * len(VOWELS[language]) * len(CODAS[language])
    endings = ENDINGS[language]
    ending = endings[number // count % len(endings)]
    number = number // (len(endings) * count) * count + number % count
    parts = []
    while True:
        number, place = divmod(number, count)
        parts.append(syllable(language, place * 1009 % count))  # neighbors in rank are not neighbors in the alphabet
        if not number:
            return "".join(reversed(parts)) + ending


def syllable(language: str, number: int) -> str:
    """Return one of some thousand syllables: onset, vowel, coda."""
    number, onset = divmod(number, len(ONSETS))
    coda, vowel = divmod(number, len(VOWELS[language]))
    return ONSETS[onset] + VOWELS[language][vowel] + CODAS[language][coda]


def possessive(language: str, number: int) -> str:
    """Return a word with an apostrophe."""
    word = stem(language, number)
    if language == "en":
        return f"{word}'s" if number % 5 else f"{word}’s"
    return ELISIONS[number // 7 % len(ELISIONS)] + VOWELS["fr"][number // 56 % 7] + word


def numeral(language: str, number: int) -> str:
    """Return a number, date, amount or symbol of a document."""
    patterns = NUMBERS[language]
    a, b, c, d = 1 + number // 23 % 977, number // 23 % 97, number % 1000, number % 10
    return patterns[number // 23 % len(patterns)].format(a=a, b=b, c=c, d=d)


def name(language: str, number: int) -> str:
    """Return a word with a capital."""
    return stem(language, number).capitalize()


def compound(language: str, number: int) -> str:
    """Return two words with a hyphen."""
    return f"{stem(language, number)}-{stem(language, number // 41 + 7)}"


def acronym(language: str, number: int) -> str:
    """Return capital letters, some with an ampersand, which SGML escapes."""
    letters = stem(language, number)[:4].upper()
    return f"{letters[0]}&{letters[-1]}" if number % 3 == 0 else letters


def web_address(language: str, number: int) -> str:
    """Return the address of a web page."""
    return f"www.{stem(language, number)}.org/{number}"


SHAPES = ((23, numeral), (13, name), (41, compound), (97, acronym), (211, web_address), (7, possessive))
"""Shapes with their frequencies, one word in n; the first that matches a number is used."""


@cache
def frequent(language: str) -> list[str]:
    """Return the words of a language's frequent ranks, in order."""
    return [spell(language, rank) for rank in range(SHORTCUT)]


class Lexicon:
    """The words of a language by rank.

    Those of frequent ranks are cached.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self.frequent = frequent(language)

    def words(self, ranks: Ranks) -> list[str]:
        """Return the words of many ranks."""
        spelled = list(map(self.frequent.__getitem__, np.minimum(ranks, SHORTCUT - 1).tolist()))
        for place in np.flatnonzero(ranks >= SHORTCUT).tolist():
            spelled[place] = spell(self.language, int(ranks[place]))
        return spelled


def draw_ranks(draw: np.random.Generator, count: int) -> Ranks:
    """Draw ranks from 0 by Zipf's law, with exponent 1 up to rank 10,000 and 1.8 beyond, as in real text.

    The first five words are 17 % of the text, like `the of and to in` in English. Types grow with the text: 27 million
    words have 400,000 types, 270 million have 1.5 million.
    """
    bend, slope, most = 10_000.0, 0.8, 5e7
    head = np.log(bend + 1)
    places = draw.random(count) * (head + 1 / slope)
    frequent = np.exp(np.minimum(places, head)) - 1
    rare = bend * np.maximum((head + 1 / slope - places) * slope, 1e-9) ** (-1 / slope)
    ranks: Ranks = np.where(places < head, frequent, np.minimum(rare, most)).astype(np.int64)
    return ranks
