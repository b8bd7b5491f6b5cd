"""Normalization, repair, tokenization and detokenization of lines."""

import unicodedata

import pytest

from s2s.text.tokenizer import ODD, REPAIRS, detokenize, from_tokens, normalize, repairs, tokenize


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  deux\u00a0\u2009mots \t\r", "deux mots"),
        ("one\x0btwo\x0cthree\x85four\u2028five\u2029six\x00seven", "one two three four five six seven"),
        ("co\u00adopera\u200btion\ufeff", "cooperation"),
        ("e\u0301te\u0301", "été"),
        ("12\u202f000", "12 000"),
        ("a\u200db\u200c \u202bc\u202c \ue000 \u0378", "a\u200db\u200c \u202bc\u202c \ue000 \u0378"),
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
        ("12\u202f345\u202f678 %", "fr", "12 345 678%"),
        ("12\u202f345", "en", "12 345"),
        ("12\u00a0345", "fr", "12,345"),
        ("so – or … so", "en", "so - or ... so"),
        ('"Yes", he said', "en", '"Yes," he said'),
        ("5 %", "fr", "5%"),
        ("Rien à changer, vraiment.", "fr", "Rien à changer, vraiment."),
    ],
)
def test_punctuation_follows_moses(line: str, language: str, expected: str) -> None:
    assert normalize(line, language, punctuation=True) == expected


def test_spaces_that_the_punctuation_rules_leave_are_single() -> None:
    assert normalize("a\u00a0 ( b ) , —c", "en", punctuation=True) == "a (b), - c"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Déjà vu, «\u00a0dit-il\u00a0»\u202f!\ta b ", ()),
        ("the end of a line in some systems\r", ()),
        ("one\rtwo", ("separators",)),
        ("one\u2028two", ("separators",)),
        ("co\u00adoperation", ("invisible",)),
        ("\ufeffone", ("invisible",)),
        ("one\x07two", ("control",)),
        ("e\u0301te\u0301", ("not_nfc",)),
        ("e\u0301\x85\u200b\x00", ("separators", "invisible", "control", "not_nfc")),
    ],
)
def test_repairs_are_named(line: str, expected: tuple[str, ...]) -> None:
    assert repairs(line) == expected


def test_every_odd_character_within_a_line_is_one_kind_of_repair() -> None:
    for code in {*ODD} - set(map(ord, "\t\n\u202f")):
        assert len(repairs(f"a{chr(code)}b")) == 1, hex(code)
    separators = {chr(code) for code in range(0x3000) if len(f"a{chr(code)}b".splitlines()) > 1}
    assert separators - {"\n"} == {c for c in map(chr, range(0x3000)) if REPAIRS["separators"](f"a{c}b")}


def test_a_repaired_line_needs_no_repair() -> None:
    line = "".join(map(chr, ODD)) + "e\u0301"
    assert repairs(line) == tuple(REPAIRS)
    assert repairs(normalize(line, "fr", punctuation=False)) == ()


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


@pytest.mark.parametrize(
    ("line", "language", "expected"),
    [
        ("l&apos; homme &amp; l&apos; ami &#91; ... &#93;", "fr", "l'homme & l'ami [...]"),
        ("he said : &quot; yes &quot; &lt; b &gt; &#124; no", "en", 'he said: "yes" < b > | no'),
        ("R &amp;amp; D @-@ based", "en", "R &amp; D-based"),
    ],
)
def test_text_that_comes_tokenized_becomes_plain(line: str, language: str, expected: str) -> None:
    assert from_tokens(line, language) == expected


def test_a_language_that_moses_does_not_know_is_tokenized_all_the_same() -> None:
    tokens = tokenize(unicodedata.normalize("NFC", "Habari gani?"), "sw")
    assert tokens == "Habari gani ?"


@pytest.mark.parametrize(
    ("tokens", "language"),
    [
        ("Le <unk> dort .", "fr"),
        ("L' <unk> dort .", "fr"),
        ("Qu' <unk> - t - il , ( <unk> ) : <unk> ?", "fr"),
        ('" <unk> <unk> "', "fr"),
        ("The <unk> 's <unk> costs $ <unk> , \u2d30 .", "en"),
    ],
)
def test_an_unknown_word_is_a_word(tokens: str, language: str) -> None:
    plain = detokenize(tokens, language)
    assert plain == detokenize(tokens.replace("<unk>", "Abc"), language).replace("Abc", "<unk>")
    assert tokenize(normalize(plain, language, punctuation=True), language) == tokens
    assert from_tokens(tokens, language) == plain
