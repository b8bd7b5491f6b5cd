"""Difficulty of a corpus, compared with counts by hand and with a corpus made from a dictionary."""

import itertools
import json
from pathlib import Path

import pytest

from pipeline.stages import difficulty
from s2s.corpus.difficulty import HeldOut, Pair, learn_dictionary, measure
from s2s.errors import UserError
from tests.support import project

WORDS = {"the": "le", "a": "un", "dog": "chien", "cat": "chat", "sees": "voit", "bites": "mord", "now": "maintenant"}


def french(english: str) -> str:
    return " ".join(WORDS[word] for word in english.split(" "))


def sentences() -> list[str]:
    frames = itertools.product(
        ("the", "a"), ("dog", "cat"), ("sees", "bites"), ("the", "a"), ("dog", "cat"), ("", " now")
    )
    return [" ".join(words[:5]) + words[5] for words in frames]


PAIRS: list[Pair] = [(sentence, french(sentence)) for sentence in sentences()]


def held_out(pairs: list[Pair]) -> HeldOut:
    return HeldOut(pairs, [target for _, target in pairs], lambda tokens: tokens)


def test_learn_dictionary_finds_the_words_behind_the_sentences() -> None:
    assert learn_dictionary(PAIRS) == WORDS


def test_learn_dictionary_decides_equal_chances_by_the_alphabet() -> None:
    assert learn_dictionary([("x", "b a")]) == {"x": "a"}


def test_learn_dictionary_leaves_to_others_what_they_explain() -> None:
    assert learn_dictionary([("x", "b a"), ("y", "b c"), ("z", "b")]) == {"x": "a", "y": "c", "z": "b"}


def test_measure_counts_words_and_lengths() -> None:
    train = [("a b c d e", "u v"), ("a b", "u"), ("a", "w")]
    report = measure(train, held_out([("a b", "u")]))
    assert report["train_pairs_measured"] == 3
    assert report["source"] == {
        "tokens": 8,
        "types": 5,
        "types_seen_once": 3,
        "mean_length": 2.666667,
        "length_quantiles": {"0.1": 1, "0.5": 2, "0.9": 5, "0.99": 5, "1": 5},
    }
    assert (report["target"]["types"], report["target"]["tokens"]) == (3, 4)


@pytest.mark.parametrize(
    ("source", "new", "in_training"),
    [
        ("a b c d", 0, 0),  # part of a training source
        ("a b c e", 1, 0),
        ("a b c d e f", 1, 0),
        ("a b c d e", 0, 1),
        ("a b", 0, 1),  # with fewer than four tokens, new unless equal to a training source
        ("b c", 1, 0),
    ],
)
def test_measure_tells_what_is_new(source: str, new: int, in_training: int) -> None:
    report = measure([("a b c d e", "v"), ("a b", "w")], held_out([(source, "v")]))
    assert (report["test_share_with_new_4gram"], report["test_share_in_training"]) == (new, in_training)


def test_dictionary_bleu_is_100_where_words_translate_one_by_one() -> None:
    report = measure(PAIRS, held_out(PAIRS))
    assert report["dictionary_bleu"] == pytest.approx(100)
    assert "tok:13a" in report["dictionary_bleu_signature"]


def test_dictionary_bleu_falls_where_order_differs() -> None:
    turned = [(source, " ".join(reversed(target.split(" ")))) for source, target in PAIRS]
    assert measure(turned, held_out(turned))["dictionary_bleu"] < 30


def test_dictionary_copies_words_that_it_does_not_know() -> None:
    name = [("the dog sees a Zog", "le chien voit un Zog")]
    assert measure(PAIRS, held_out(name))["dictionary_bleu"] == pytest.approx(100)


def test_measure_gives_the_same_json_twice() -> None:
    first, second = (json.dumps(measure(iter(PAIRS), held_out(PAIRS[:9]))) for _ in range(2))
    assert first == second
    assert json.dumps(json.loads(first)) == first


def test_measure_reads_no_more_than_its_limit() -> None:
    endless = itertools.cycle(PAIRS)
    assert measure(endless, held_out(PAIRS), limit=40)["train_pairs_measured"] == 40
    assert next(endless) == PAIRS[40 % len(PAIRS)]


def test_measure_bounds_the_dictionary_by_its_links() -> None:
    long = (" ".join("abcdefghij" * 20), " ".join("klmnopqrst" * 20))
    report = measure([long] * 1000, held_out([long]))
    assert report["dictionary_pairs"] == 99  # 201 * 200 links each, 4 million at most


@pytest.mark.parametrize(("train", "test"), [([], PAIRS), (PAIRS, [])])
def test_measure_refuses_what_is_empty(train: list[Pair], test: list[Pair]) -> None:
    with pytest.raises(UserError, match=rf"^difficulty: found {len(train)} training and {len(test)} test pairs"):
        measure(train, held_out(test))


def test_the_stage_measures_all_files_of_the_training_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project.write_parameters(tmp_path)
    for number, pairs in enumerate(([("The dog's bone.", "L'os du chien.")], [("a b", "c d")])):
        project.write_split(tmp_path / "clean" / "train", f"{number:05d}", pairs)
    project.write_split(tmp_path / "clean", "test", [("The dog's bone.", "L'os du chien."), ("b new word b", "d")])
    difficulty.main(tmp_path / "clean", tmp_path / "difficulty.json")
    report = json.loads((tmp_path / "difficulty.json").read_text())
    assert (report["train_pairs_measured"], report["source"]["types"]) == (2, 7)
    assert (report["test_share_with_new_4gram"], report["test_share_in_training"]) == (0.5, 0.5)
