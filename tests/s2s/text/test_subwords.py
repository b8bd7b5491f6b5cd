"""Subword vocabularies: uniform sampling of lines, and the same bytes from each training."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from s2s.errors import UserError
from s2s.text.subwords import draw_lines, train_sentencepiece
from s2s.text.vocabulary import EOS, UNK, SentencePieceVocabulary, load

Kind = Literal["unigram", "bpe"]
KINDS: tuple[Kind, ...] = ("unigram", "bpe")
LINES = [f"{who} {what} {where}." for who in ("Le chat", "L'homme") for what in ("voit", "où dort") for where in "abc"]


@pytest.mark.parametrize("kind", KINDS)
def test_subwords_give_the_text_back(kind: Kind, tmp_path: Path) -> None:
    vocabulary = train_sentencepiece(LINES, kind, size=50)
    vocabulary.save(tmp_path, "target")
    loaded = load(tmp_path, "target")
    assert isinstance(loaded, SentencePieceVocabulary)
    assert not loaded.reads_tokens
    assert (len(loaded), loaded.sha256) == (len(vocabulary), vocabulary.sha256)
    for line in LINES:
        ids = loaded.encode(line)
        assert min(ids) > EOS
        assert loaded.text([*ids, EOS, 5]) == line
        assert "".join(loaded.tokens([*ids, EOS, 5])) == "▁" + line.replace(" ", "▁")


def test_a_character_that_subwords_never_saw_is_unk() -> None:
    vocabulary = train_sentencepiece(LINES, "bpe", size=50)
    ids = vocabulary.encode("Le 漢 chat")
    assert ids.count(UNK) == 1
    assert vocabulary.text(ids) == "Le <unk> chat"


@pytest.mark.parametrize("kind", KINDS)
def test_unk_in_a_text_is_unk(kind: Kind) -> None:
    vocabulary = train_sentencepiece(LINES, kind, size=50)
    before, space, after = vocabulary.encode("Le"), vocabulary.names().index("▁"), vocabulary.encode("chat.")
    for unknown in ([space, UNK], [space, UNK, UNK], [UNK], [UNK, space, UNK]):
        ids = [*before, *unknown, *after]
        text = vocabulary.text(ids)
        assert vocabulary.encode(text) == ids
        encoded = vocabulary.encode_all(pa.chunked_array([["Le chat", text, "L'homme"]]))[0].tolist()
        assert encoded == [*vocabulary.encode("Le chat"), *ids, *vocabulary.encode("L'homme")]


@pytest.mark.process
@pytest.mark.parametrize("kind", KINDS)
def test_subwords_are_the_same_bytes_in_every_process(kind: Kind) -> None:
    program = (
        "from tests.s2s.text.test_subwords import LINES; from s2s.text.subwords import train_sentencepiece;"
        f"print(train_sentencepiece(LINES, {kind!r}, 30).sha256)"
    )
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout


def numbers(drawn: list[NDArray[np.int64]], sizes: list[int]) -> list[int]:
    starts = np.cumsum([0, *sizes[:-1]])
    return [int(start + line) for start, lines in zip(starts, drawn, strict=True) for line in lines]


def test_a_text_that_is_not_larger_is_drawn_whole() -> None:
    assert [lines.tolist() for lines in draw_lines([2, 0, 3], 5, seed=1)] == [[0, 1], [], [0, 1, 2]]
    assert [lines.tolist() for lines in draw_lines([2], 99, seed=1)] == [[0, 1]]


@pytest.mark.process
def test_each_line_has_the_same_chance_to_be_learned_from() -> None:
    sizes = [3, 10, 7]
    draws = [numbers(draw_lines(sizes, 5, seed), sizes) for seed in range(2000)]
    assert all(lines == sorted(set(lines)) and len(lines) == 5 for lines in draws)
    drawn = Counter(line for lines in draws for line in lines)
    assert len(drawn) == 20
    assert all(400 < count < 600 for count in drawn.values())  # 500 expected, standard deviation 19


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("line", ["sixty " * 1000, "sixty \u2585"])
def test_subwords_are_learned_from_lines_that_sentencepiece_skips(line: str, kind: Kind) -> None:
    vocabulary = train_sentencepiece([line, *LINES], kind, size=50)
    assert vocabulary.text(vocabulary.encode("sixty")) == "sixty"


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_too_small_for_the_size_gives_fewer_subwords(kind: Kind) -> None:
    assert 20 < len(train_sentencepiece(LINES, kind, size=10_000)) < 500


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["abc d"], r"SentencePiece bpe: found size 4; expected at least 8, one entry for each character of the text"),
        ([], r"SentencePiece bpe: found no text to learn from; expected lines"),
        ([""], r"SentencePiece bpe: found no text to learn from; expected lines"),
    ],
)
def test_what_subwords_cannot_be_learned_from(lines: list[str], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        train_sentencepiece(lines, "bpe", size=4)
