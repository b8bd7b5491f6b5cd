"""Lexicons: replacement of unknown words, learning, and files."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.sources.demo import corpus
from s2s.errors import UserError
from s2s.lexicon.lexicon import SURE, Lexicon, Text, learn, number_words
from s2s.lexicon.word_alignment import AlignmentSettings
from s2s.text.tokenizer import tokenize

LEXICON = Lexicon(
    {
        "the": (None, 0.0),
        "old": (None, 0.0),
        "otter": ("loutre", 0.9),
        "badger": ("blaireau", 0.8),
        "sees": ("aperçoit", 0.01),
    },
    tension=8.0,
    unseen=0.3,
    target_vocabulary_sha256="ab" * 32,
)


def replaced(lexicon: Lexicon, source: str, target: str) -> str:
    return " ".join(lexicon.replace(source.split(), target.split()))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("the otter sees", "la <unk> voit", "la loutre voit"),
        ("the otter sees", "la loutre voit", "la loutre voit"),
        ("the old otter", "la <unk> .", "la loutre ."),  # the most probable, not the nearest
        ("the otter sees the badger", "la <unk> voit le <unk>", "la loutre voit le blaireau"),
        ("otter badger", "<unk> <unk>", "loutre blaireau"),
        ("the old otter", "<unk> <unk> <unk>", "loutre loutre loutre"),  # the, old: known translations
        ("otter sees", "<unk> <unk>", "loutre aperçoit"),
        ("the old Łódź", "le <unk> <unk>", "le Łódź Łódź"),  # not in the lexicon: copied
        ("the old the", "le <unk> le", "le old le"),  # no candidate: the nearest word is copied
        ("", "<unk> .", "<unk> ."),
        ("the otter", "", ""),
    ],
)
def test_unknown_words_become_translations_of_source_words(source: str, target: str, expected: str) -> None:
    assert replaced(LEXICON, source, target) == expected


@pytest.mark.parametrize(
    ("source", "target", "looks_at", "expected"),
    [
        ("the otter sees the badger", "le <unk> voit la <unk>", [0, 4, 2, 3, 1], "le blaireau voit la loutre"),
        ("the old otter", "<unk> est vieux", [2, 2, 1], "loutre est vieux"),
        ("the Łódź otter", "<unk> <unk>", [2, 1], "loutre Łódź"),  # not in the lexicon: copied
        ("the old otter", "<unk> <unk>", [1, 1], "loutre loutre"),  # a word with a known translation is passed over
        ("the old king", "la <unk> .", [0, 2, 2], "la king ."),  # copied, as no word has a translation
        ("", "<unk> .", [], "<unk> ."),
    ],
)
def test_models_that_attend_say_which_word_an_unknown_one_stands_for(
    source: str, target: str, looks_at: list[int], expected: str
) -> None:
    T, S = len(target.split()), len(source.split())
    attention = np.full((T + 1, S), 0.1 / max(1, S - 1), np.float32)  # </s> comes last
    attention[range(len(looks_at)), looks_at] = 0.9
    assert LEXICON.replace(source.split(), target.split(), attention) == expected.split()


def test_attention_that_has_learned_nothing_leaves_it_to_the_distance() -> None:
    source, target = ["the", "otter", "sees", "the", "badger"], ["la", "<unk>", "voit", "le", "<unk>"]
    attention = np.zeros((6, 5), np.float32)
    attention[:, 0] = 1  # always the first word
    assert LEXICON.replace(source, target, attention) == ["la", "loutre", "voit", "le", "blaireau"]


def test_a_lexicon_comes_back_as_it_was_written(tmp_path: Path) -> None:
    LEXICON.save(tmp_path / "a.parquet")
    replaced = Lexicon.load(tmp_path / "a.parquet")
    assert replaced == LEXICON
    replace(LEXICON, translations=dict(reversed([*LEXICON.translations.items()]))).save(tmp_path / "b.parquet")
    assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "a.parquet").read_bytes()


def test_what_is_no_lexicon_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.parquet: no such file; expected a lexicon, from the lexicon stage$"):
        Lexicon.load(tmp_path / "x.parquet")
    (tmp_path / "x.parquet").write_text("a text")
    with pytest.raises(UserError, match=r"x\.parquet: damaged .*; expected a lexicon, from the lexicon stage$"):
        Lexicon.load(tmp_path / "x.parquet")
    Lexicon({"a": ("\x1b[31mb", 0.5)}, 4.0, 0.1).save(tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"x\.parquet: damaged \(control characters, .*; expected a lexicon, from the"):
        Lexicon.load(tmp_path / "x.parquet")
    pq.write_table(pa.table({"id": [1], "word": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"x\.parquet: found columns id, word; expected a lexicon, from the lexicon"):
        Lexicon.load(tmp_path / "x.parquet")


def numbered(*parts: list[str]) -> Text:
    return number_words(pa.chunked_array([part], pa.string()) for part in parts)


def test_words_are_numbered_in_the_order_in_which_they_come() -> None:
    text = numbered(["b a b", "c"], [], ["a c d"])
    assert text.words.to_pylist() == ["b", "a", "c", "d"]
    assert text.sentences.ids.tolist() == [0, 1, 0, 2, 1, 2, 3]
    assert text.sentences.lengths.tolist() == [3, 1, 3]


def learned(pairs: list[tuple[str, str]], vocabulary: set[str], iterations: int = 5) -> Lexicon:
    source, target = (numbered([*side]) for side in zip(*pairs, strict=True))
    is_known = np.array([word in vocabulary for word in target.words.to_pylist()])
    return learn(source, target, is_known, AlignmentSettings(iterations))


def test_translations_are_words_that_the_vocabulary_lacks() -> None:
    pairs = [("the otter sleeps", "la loutre dort"), ("the otter sees", "la loutre voit"), ("the dog", "le chien")]
    pairs += [("the dog sleeps", "le chien dort"), ("the dog sees", "le chien voit"), ("the otter", "la loutre")]
    everything = {word for _, target in pairs for word in target.split()}
    lexicon = learned(pairs, everything - {"loutre"}, iterations=20)
    word, probability = lexicon.translations["otter"]
    assert word == "loutre"
    assert probability == pytest.approx(1, abs=0.1)
    assert [lexicon.translations[source] for source in ("dog", "the", "sees", "sleeps")] == [(None, 0.0)] * 4
    assert replaced(lexicon, "a heron sees the otter", "<unk> voit la <unk>").endswith("la loutre")


def test_words_never_seen_are_as_those_seen_once() -> None:
    pairs = [("a b", "A B"), ("a c", "A C"), ("a d", "A D"), ("a e", "A E")]
    lexicon = learned(pairs, {"A", "B", "C"}, iterations=20)
    once = [lexicon.translations[word][1] for word in "bcde"]
    assert once == [0, 0, pytest.approx(1, abs=0.1), pytest.approx(1, abs=0.1)]
    assert lexicon.unseen == pytest.approx(np.mean(once))


def test_where_nothing_is_unknown_words_never_seen_stand_for_themselves() -> None:
    lexicon = learned([("a b", "A B"), ("b", "B")], {"A", "B"})
    assert lexicon.unseen == SURE
    assert replaced(lexicon, "a b Ł b", "A B <unk> B") == "A B Ł B"
    assert replaced(lexicon, "b Ł a b b", "B A <unk> B") == "B A Ł B"


def test_no_text_gives_a_lexicon_that_copies() -> None:
    empty = numbered([])
    lexicon = learn(empty, empty, np.zeros(0, np.bool_), AlignmentSettings())
    assert lexicon.translations == {}
    assert replaced(lexicon, "a b c", "x <unk> z") == "x b z"


def test_rare_words_of_the_demo_are_restored() -> None:
    splits = corpus.generate(1, train_pairs=6000, dev_pairs=400, test_pairs=10, max_words=20)
    text = {split: [(tokenize(en, "en"), tokenize(fr, "fr")) for en, fr in splits[split]] for split in ("train", "dev")}
    counts = Counter(word for _, french in text["train"] for word in french.split())
    vocabulary = {word for word, _ in counts.most_common(400)}
    lexicon = learned(text["train"], vocabulary)
    wanted = restored = copied = 0
    for english, french in text["dev"]:
        truth, source = french.split(), english.split()
        masked = [word if word in vocabulary else "<unk>" for word in truth]
        replaced = lexicon.replace(source, masked)
        places = [place for place, word in enumerate(masked) if word == "<unk>"]
        wanted += len(places)
        restored += sum(replaced[place] == truth[place] for place in places)
        copied += sum(truth[place] in source for place in places)
    assert wanted > 100
    assert restored / wanted > 0.5 > 3 * copied / wanted
