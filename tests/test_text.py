import random
import unicodedata

import pytest
from sacremoses import MosesPunctNormalizer, MosesTokenizer

from s2s.text import detokenize, normalize, tokenize


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  deux\u00a0\u2009mots \t\r", "deux mots"),
        ("one\x0btwo\x0cthree\x85four\u2028five\u2029six\x00seven", "one two three four five six seven"),
        ("co\u00adopera\u200btion\ufeff", "cooperation"),
        ("e\u0301te\u0301", "été"),
        ("12\u202f000", "12 000"),
        ("\u00a0\u200b", ""),
        ("«\u00a0Oui\u00a0» – l’un", "« Oui » – l’un"),
        ("A  B", "A B"),
    ],
)
def test_normalize_makes_one_form_of_white_space_and_letters(line: str, expected: str) -> None:
    assert normalize(line, "fr", punctuation=False) == expected


@pytest.mark.parametrize(
    ("line", "language", "expected"),
    [
        ("l’homme “cité”", "fr", 'l\'homme "cité"'),
        ("«\u00a0Oui\u00a0!\u00a0»", "fr", '"Oui!"'),
        ("«\u202fOui\u202f»", "fr", '"Oui"'),
        ("so – or … so", "en", "so - or ... so"),
        ('"Yes", he said', "en", '"Yes," he said'),
        ("5 %", "fr", "5%"),
        ("Rien à changer, vraiment.", "fr", "Rien à changer, vraiment."),
    ],
)
def test_punctuation_follows_moses(line: str, language: str, expected: str) -> None:
    assert normalize(line, language, punctuation=True) == expected


@pytest.mark.parametrize("language", ["en", "fr", "de", "ru"])
def test_lines_that_skip_the_punctuation_rules_would_not_be_changed_by_them(language: str) -> None:
    draw = random.Random(1)
    characters = "aé1,.'!?-[]{} ()%:;\"`\u00a0«»´„“”‘‚’–—…º<nc"
    rules = MosesPunctNormalizer(language)
    for _ in range(5000):
        line = "".join(draw.choices(characters, k=draw.randint(1, 12)))
        assert normalize(line, language, punctuation=True) == " ".join(rules.normalize(line).split())


def test_lowercase() -> None:
    assert normalize("Élève DE Paris", "fr", punctuation=False, lowercase=True) == "élève de paris"


@pytest.mark.parametrize(
    ("line", "language", "expected"),
    [
        ("L'homme qu'il a vu, c'est l'ami.", "fr", "L' homme qu' il a vu , c' est l' ami ."),
        ("« Bonjour », dit-il ; où est-ce ?", "fr", "« Bonjour » , dit-il ; où est-ce ?"),
        ("The man's dog doesn't bark.", "en", "The man 's dog doesn 't bark ."),
        ("Mr. Smith of the U.S. paid $5,300.50 & left...", "en", "Mr. Smith of the U.S. paid $ 5,300.50 & left ..."),
        ("a|b <c> [d]", "en", "a | b < c > [ d ]"),
        ("Il dit 'oui.'", "fr", "Il dit ' oui . '"),
        ("", "en", ""),
    ],
)
def test_tokenize_follows_moses_and_escapes_nothing(line: str, language: str, expected: str) -> None:
    assert tokenize(line, language) == expected


def test_tokenize_equals_sacremoses_on_abbreviations() -> None:
    oracle = MosesTokenizer("en")
    for line in ("The U.S. and the E.U. agree. Dr. No. 5 approx. five. end", "i.e. this etc. and Nr. 5. ok"):
        assert tokenize(line, "en").split(" ") == oracle.tokenize(line, escape=False)


@pytest.mark.parametrize(
    ("tokens", "language", "expected"),
    [
        ("l' homme", "fr", "l'homme"),
        ("qu' il n' a pas vu", "fr", "qu'il n'a pas vu"),
        ("aujourd' hui , peut-être .", "fr", "aujourd'hui, peut-être."),
        ("« Bonjour » , dit-il .", "fr", "« Bonjour », dit-il."),
        ("où est-ce ?", "fr", "où est-ce ?"),
        ("the man 's dog , he said .", "en", "the man's dog, he said."),
        ('he said : " yes " ( twice )', "en", 'he said: "yes" (twice)'),
        ("", "fr", ""),
    ],
)
def test_detokenize(tokens: str, language: str, expected: str) -> None:
    assert detokenize(tokens, language) == expected


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("Jusqu'à l'arrivée d'Hélène, personne n'avait dit qu'elle l'aurait vue.", "fr"),
        ('Il dit "bonjour" puis s\'en va (sans bruit).', "fr"),
        ("Est-ce que tu viens aujourd'hui ?", "fr"),
        ("The dogs' owner didn't pay $5,300, Mr. Smith's friend did!", "en"),
        ('A man in a blue shirt (the "boss") is standing on a ladder.', "en"),
    ],
)
def test_normal_sentences_come_back_from_their_tokens(line: str, language: str) -> None:
    assert detokenize(tokenize(line, language), language) == line


def test_a_language_that_moses_does_not_know_is_tokenized_all_the_same() -> None:
    tokens = tokenize(unicodedata.normalize("NFC", "Habari gani?"), "sw")
    assert tokens == "Habari gani ?"
