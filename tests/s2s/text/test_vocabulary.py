"""Vocabularies of words and subwords: encoding, decoding, saving, and refusal of damaged files."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from s2s.errors import UserError
from s2s.text.subwords import train_sentencepiece
from s2s.text.vocabulary import EOS, PAD, UNK, Vocabulary, WordVocabulary, file_of, load

LINES = [f"{who} {what} {where}." for who in ("Le chat", "L'homme") for what in ("voit", "où dort") for where in "abc"]


def words() -> WordVocabulary:
    return WordVocabulary(["le", "chat", "."])


def test_words_are_read_as_tokens_and_unknown_ones_are_unk() -> None:
    assert words().reads_tokens
    assert words().encode("le chien .") == [3, UNK, 5]
    assert words().encode("") == []


def test_text_that_looks_like_a_special_token_is_unknown() -> None:
    assert words().encode("</s> <pad> le") == [UNK, UNK, 3]


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


def of_kind(kind: str) -> Vocabulary:
    return words() if kind == "words" else train_sentencepiece(LINES, "bpe", 50)


@pytest.mark.parametrize("kind", ["words", "bpe"])
def test_all_sentences_are_encoded_as_each_alone(kind: str) -> None:
    lines, vocabulary = [*LINES, "le chien . </s> <unk>", "chat", "漢 le"], of_kind(kind)
    ids, lengths = vocabulary.encode_all(pa.chunked_array([lines[:3], [], lines[3:]], pa.string()))
    expected = [vocabulary.encode(line) for line in lines]
    assert [part.tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])] == expected
    assert [str(array.dtype) for array in (ids, lengths)] == ["int32", "int32"]


@pytest.mark.parametrize("kind", ["words", "bpe"])
def test_tokens_are_named_in_the_order_of_their_numbers(kind: str) -> None:
    vocabulary = of_kind(kind)
    names, ids = vocabulary.names(), vocabulary.encode("le chat .")
    assert len(names) == len(vocabulary) == len(set(names))
    assert names[:3] == ("<pad>", "<unk>", "</s>")
    assert [names[number] for number in ids] == vocabulary.tokens(ids)


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
        (GOOD + b"\x1b[31m\n", r"source.words.txt line 4: found .*31m.*; expected one word"),
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
