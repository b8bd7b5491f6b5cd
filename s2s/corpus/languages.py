"""Detect sentences in the wrong language."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# The identifier knows 139 languages from byte n-grams and takes 50 us for 100 bytes. Of 58,000 captions of Multi30k it
# misjudged 29, most of them shorter than SHORTEST_BYTES and none with CERTAINTY.
CERTAINTY = 0.6  # probability
SHORTEST_BYTES = 40  # of UTF-8, about seven words; shorter lines are never judged
LONGEST_CHARACTERS = 120  # enough to tell; Common Crawl has lines of 10,000
NO_LANGUAGE = "zxx"  # numbers, addresses, markup
# Most sentences hold two of these words, which are rare in other languages. That test takes 2 us and spares the
# identifier.
COMMON_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": "The the and of with which that this these those from have has been their its not for by were are to "
        "would should could can you your it at be they our his she who when there more than about into but also two",
        "fr": "Les les des du une et dans pour sur avec par aux au est sont cette ces leur leurs être pas qui ou le à "
        "nous vous plus été même mais afin comme sous elle elles ainsi aussi deux ont d'une d'un qu'il c'est où toutes "
        "peut",
    }.items()
}


def other_language(line: str, language: str) -> bool:
    """Return True if a sentence is almost surely in another language than expected.

    Short sentences and lists of names or numbers are never rejected.

    Args:
        line: normalized text in its original case.
        language: ISO 639-1 code of the expected language; if the identifier does not know it, no line is rejected.
    """
    if len(COMMON_WORDS.get(language, frozenset()).intersection(line.split())) > 1:
        return False
    if len(line.encode()) < SHORTEST_BYTES or language not in known_languages():
        return False
    found, probability = identifier().classify(line[:LONGEST_CHARACTERS])
    return bool(found not in (language, NO_LANGUAGE) and probability >= CERTAINTY)


@cache
def known_languages() -> frozenset[str]:
    """Return the ISO 639 codes of the languages that the identifier knows."""
    return frozenset(identifier().labels)


@cache
def identifier() -> LanguageIdentifier:
    """Load py3langid's own model: half a second and 74 MB, so call it before processes fork."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
