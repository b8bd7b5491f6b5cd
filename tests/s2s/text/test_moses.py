"""Fast Moses tokenization and punctuation, compared with sacremoses."""

import gzip
import itertools
import os
from pathlib import Path

import pytest
import sacremoses
from hypothesis import given, settings
from hypothesis import strategies as st

from s2s.text.tokenizer import PunctuationNormalizer, Tokenizer
from tests.support import project

MULTI30K = Path(os.environ.get("S2S_MULTI30K", project.ROOT.parent / "shared" / "data" / "multi30k"))

# All characters that Moses' rules name, other letters and digits, and rare or invalid characters.
NAMED = list("abnstzAZBéÉœñ019.,'’-:;()\"/&|<>[]{}%$€£@#…«»`_*!?–—‘“”„‚´º")
ODD = list(
    "ªⅧ½²٣ßʰǅⅷ中日한ひעबमीं्́à🙂𝐀\u200b\u00ad\u200d\ufeff\u00a0\u2009\u2028\x85\x1c\t\r\x0b\x00\x07\ud800\ue000\u0378"
)
WORDS = "Mr Dr No Art M Nr U.S i.e x.y the The 5 5,300 3.14 l'un qu'il man's 80's o' 'Hi .. DOT MULTI DOTMULTI"
characters = st.sampled_from([*NAMED, *ODD, *" " * 20, *"." * 8, *"'" * 8, *"," * 5])
endings = st.sampled_from(["", " ", " ", " ", ". ", ".", ", ", ",", "'", "' ", " '", '"', "...", ") ", "%"])
words = st.tuples(st.sampled_from(WORDS.split()) | st.text(characters, min_size=1, max_size=3), endings).map("".join)
lines = st.text(characters, max_size=25) | st.lists(words, max_size=9).map("".join)
quickly = settings(max_examples=800, deadline=None, derandomize=True, database=None)

TOKENIZERS = {
    language: (Tokenizer(language), sacremoses.MosesTokenizer(language)) for language in ("en", "fr", "it", "sw")
}


def tokens(line: str, language: str) -> tuple[str, str]:
    """Return the results of the module under test and of sacremoses."""
    ours, theirs = TOKENIZERS[language]
    return ours.tokenize(line), " ".join(theirs.tokenize(line, escape=False))


@pytest.mark.process
@pytest.mark.parametrize("language", TOKENIZERS)
def test_any_line_has_the_tokens_of_sacremoses(language: str) -> None:
    @quickly
    @given(lines)
    def same(line: str) -> None:
        ours, theirs = tokens(line, language)
        assert ours == theirs

    same()


@pytest.mark.parametrize("language", TOKENIZERS)
def test_every_short_line_of_the_characters_that_matter_has_the_tokens_of_sacremoses(language: str) -> None:
    for length in range(5):
        for line in map("".join, itertools.product("asA1.,' ", repeat=length)):
            ours, theirs = tokens(line, language)
            assert ours == theirs, line


@pytest.mark.parametrize(
    "line",
    [
        "The U.S. and the E.U. agree. Dr. No. 5 approx. five. end",
        "i.e. this etc. and Nr. 5. ok",
        "1' '2 and a' 'b",  # matches do not overlap, so a shared space hides the second apostrophe
        "z  '  '-1, '  '2",  # the same with double spaces
        "No. 5 and No. ٣ and No. ² and No. five",
        "Le pp. Vedi pp. 5",  # twice in Italian's list of prefixes; only before numbers
        "'tis ,5 or 5, or ,,,5",
        "so... he said .. DOTMULTI. and '.'",
        "Il dit 'oui.'",
        "a\x00b \x07 c",
    ],
)
@pytest.mark.parametrize("language", TOKENIZERS)
def test_lines_that_are_hard_have_the_tokens_of_sacremoses(line: str, language: str) -> None:
    ours, theirs = tokens(line, language)
    assert ours == theirs


def test_usual_lines_are_not_left_to_sacremoses() -> None:
    for language, line in (
        ("en", "Mr. Smith's \"dogs' home\" (in the U.S.) paid $5,300.50, i.e. 80% more, in the 1980's..."),
        ("fr", "L'homme qu'il a vu, c'est l'ami de M. Dupont : « 5,3\u00a0% », dit-il... aujourd'hui !"),
    ):
        assert Tokenizer(language).cut(line) == tokens(line, language)[1]


@pytest.mark.process
@pytest.mark.parametrize("language", ["en", "fr", "ru"])
def test_any_line_has_the_punctuation_of_sacremoses(language: str) -> None:
    ours, theirs = PunctuationNormalizer(language), sacremoses.MosesPunctNormalizer(language)
    marks = st.sampled_from("aZé15,.'!?-[]{} ()%:;\"`\u00a0«»´„“”‘‚’–—…º<ncm\r\t\u2028   ")

    @quickly
    @given(st.text(marks, max_size=20) | st.text(marks.filter(str.isascii), max_size=20))
    def same(line: str) -> None:
        assert ours.normalize(line) == theirs.normalize(line)

    same()


@pytest.mark.skipif(not MULTI30K.is_dir(), reason="needs a folder with the files of Multi30k; S2S_MULTI30K names it")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_real_text_has_the_tokens_and_the_punctuation_of_sacremoses(language: str) -> None:
    ours, theirs = PunctuationNormalizer(language), sacremoses.MosesPunctNormalizer(language)
    for line in gzip.decompress((MULTI30K / f"val.{language}.gz").read_bytes()).decode().split("\n"):
        assert ours.normalize(line) == theirs.normalize(line)
        assert TOKENIZERS[language][0].tokenize(line) == tokens(line, language)[1]
