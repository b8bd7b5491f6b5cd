import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from s2s.errors import UserError
from s2s.vocabulary import (
    EOS,
    PAD,
    UNK,
    SentencePieceVocabulary,
    WordVocabulary,
    file_of,
    load,
    sample,
    train_sentencepiece,
    word_vocabulary,
)

LINES = [f"{who} {what} {where}." for who in ("Le chat", "L'homme") for what in ("voit", "où dort") for where in "abc"]
KINDS = ("unigram", "bpe")


def words() -> WordVocabulary:
    return WordVocabulary(["le", "chat", "."])


def test_most_frequent_words_come_first_and_equals_by_code_point() -> None:
    counts = Counter({"b": 2, "é": 2, "a": 2, "z": 5, "rare": 1})
    assert word_vocabulary(counts, size=100, min_count=2).words == ("<pad>", "<unk>", "</s>", "z", "a", "b", "é")


def test_word_vocabulary_is_cut_at_size_special_tokens_included() -> None:
    assert len(word_vocabulary(Counter("aaabbc"), size=5, min_count=1)) == 5
    assert word_vocabulary(Counter("aaabbc"), size=5, min_count=1).words[3:] == ("a", "b")


def test_words_are_read_as_tokens_and_unknown_ones_are_unk() -> None:
    assert words().reads_tokens
    assert words().encode("le chien .") == [3, UNK, 5]
    assert words().encode("") == []


def test_text_that_looks_like_a_special_token_is_unknown() -> None:
    counts = Counter({"</s>": 9, "<pad>": 9, "a": 1})
    vocabulary = word_vocabulary(counts, size=10, min_count=1)
    assert len(vocabulary) == 4
    assert vocabulary.encode("</s> <pad> a") == [UNK, UNK, 3]


def test_tokens_and_text_stop_at_the_end_of_the_sentence() -> None:
    ids = np.array([3, UNK, EOS, 4, PAD])
    assert words().tokens(ids) == ["le", "<unk>"]
    assert words().text(ids) == "le <unk>"


@pytest.mark.parametrize("word", ["two words", "no\u00a0break", "line\n", ""])
def test_a_word_holds_no_white_space(word: str) -> None:
    with pytest.raises(AssertionError, match="no white space"):
        WordVocabulary([word])


def test_a_saved_word_list_is_one_word_a_line_and_loads_again(tmp_path: Path) -> None:
    words().save(tmp_path, "source")
    assert (tmp_path / "source.words.txt").read_bytes() == b"<pad>\n<unk>\n</s>\nle\nchat\n.\n"
    loaded = load(tmp_path, "source")
    assert isinstance(loaded, WordVocabulary)
    assert loaded.words == words().words
    assert loaded.sha256 == hashlib.sha256(file_of(tmp_path, "source").read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_subwords_give_the_text_back(kind: str, tmp_path: Path) -> None:
    vocabulary = train_sentencepiece(LINES, kind, size=50)  # type: ignore[arg-type]
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
def test_subwords_are_the_same_bytes_in_every_process(kind: str) -> None:
    program = (
        "from tests.test_vocabulary import LINES; from s2s import vocabulary as v; v.SAMPLE = 6;"
        f"print(v.train_sentencepiece(LINES, {kind!r}, 30).sha256)"
    )
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout


def test_each_line_has_the_same_chance_to_be_learned_from() -> None:
    lines = [str(number) for number in range(20)]
    assert sample(lines, 20, seed=1) == lines
    drawn = Counter(line for seed in range(2000) for line in sample(lines, 5, seed))
    assert len(drawn) == 20
    assert all(400 < count < 600 for count in drawn.values())  # 500 expected, standard deviation 19


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_too_small_for_the_size_gives_fewer_subwords(kind: str) -> None:
    assert 20 < len(train_sentencepiece(LINES, kind, size=10_000)) < 500  # type: ignore[arg-type]


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


GOOD = b"<pad>\n<unk>\n</s>\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"le\nchat\n", r"source.words.txt: found first lines \['le', 'chat', ''\]; expected <pad> <unk> </s>"),
        (b"", r"source.words.txt: found first lines \[''\]; expected <pad> <unk> </s>"),
        (GOOD + b"le\ncha", r"source.words.txt: found no line end after the last word; expected a whole file"),
        (GOOD + b"le\n\n.\n", r"source.words.txt line 5: found ''; expected one word"),
        (GOOD + b"le chat\n", r"source.words.txt line 4: found 'le chat'; expected one word"),
        (GOOD + b"le\nle\n", r"source.words.txt line 5: found 'le' a second time; expected each word once"),
        (GOOD + b"\xff\n", r"source.words.txt: found a byte that is not UTF-8 at 17; expected one word a line"),
    ],
)
def test_a_damaged_word_list_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "source.words.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        load(tmp_path, "source")


@pytest.mark.parametrize("content", [b"", b"no model", b"\x00\x01"])
def test_a_damaged_subword_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "target.spm.model").write_bytes(content)
    with pytest.raises(UserError, match=r"target.spm.model: found no SentencePiece model of ours; expected what"):
        load(tmp_path, "target")


def test_a_missing_vocabulary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"found 0 source vocabularies; expected one of source.words.txt and source.spm.model$"
    ):
        load(tmp_path, "source")
