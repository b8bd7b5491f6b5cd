"""Template filters that write numbers, names and invisible characters."""

import unicodedata

import pytest

from pipeline.stages.report import filters


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1234567, 2, '<data value="1234567">1,234,567</data>'),
        (1234.5678, 2, '<data value="1234.5678">1,234.57</data>'),
        (0.98765, 3, '<data value="0.98765">0.988</data>'),
        (1.5e300, 2, '<data value="1.5e+300">1.50e+300</data>'),
    ],
)
def test_numbers_are_short_and_exact(value: float, digits: int, text: str) -> None:
    assert filters.number(value, digits) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1, 3, '<data value="0.3333333333333333">33.33\u202f%</data>'),
        (3, 3, '<data value="1.0">100.00\u202f%</data>'),
        (0, 0, '<data value="0.0">0.00\u202f%</data>'),
    ],
)
def test_shares_are_short_and_exact(part: int, whole: int, text: str) -> None:
    assert filters.share(part, whole) == text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("too_long", "too long"),
        ("not_utf8", "not UTF\u20118"),
        ("length_quantiles.0.99", "length not exceeded by 99\u202f%"),
        ("dictionary_bleu", "dictionary BLEU"),
    ],
)
def test_names_are_words(name: str, words: str) -> None:
    assert filters.title(name) == words


@pytest.mark.parametrize(
    "name",
    [
        "NEXT LINE",
        "LINE SEPARATOR",
        "SOFT HYPHEN",
        "NO-BREAK SPACE",
        "RIGHT-TO-LEFT OVERRIDE",
        "COMBINING ACUTE ACCENT",
    ],
)
def test_what_cannot_be_seen_is_shown_as_its_code(name: str) -> None:
    character = unicodedata.lookup(name)
    shown = filters.visible(f"a{character}b")
    assert character not in shown and f">U+{ord(character):04X}</code>b" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Où est l’été ? 😀 ↔ שלום", "Où est l’été ? 😀 ↔ שלום"),
        ("<b> & {{ x }}", "&lt;b&gt; &amp; {{ x }}"),
        (" two  spaces ", "␣two␣␣spaces␣"),
        ("", ""),
    ],
)
def test_what_can_be_seen_stays_as_it_is(text: str, shown: str) -> None:
    assert filters.visible(text) == shown
