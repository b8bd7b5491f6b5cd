"""The lexicon stage: translations of words that the vocabulary lacks."""

from pathlib import Path

import pytest

from pipeline.stages import lexicon
from s2s.errors import UserError
from s2s.lexicon.lexicon import Lexicon
from s2s.text.subwords import train_sentencepiece
from s2s.text.vocabulary import Vocabulary, WordVocabulary
from tests.support import project

NAMES = [("otter", "loutre"), ("heron", "héron"), ("badger", "blaireau"), ("weasel", "belette"), ("marten", "martre")]
LINES = [
    (f"{start} {english} {end}.", f"{debut} {french} {fin}.")
    for english, french in NAMES
    for start, debut in (("the", "cet animal"), ("this old", "ce vieil animal"))
    for end, fin in (("sleeps", "dort"), ("sees the dog", "voit le chien"), ("runs", "court"))
]
KNOWN = WordVocabulary(["cet", "animal", "ce", "vieil", "dort", "voit", "le", "chien", "court", "."])


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_train(tmp_path, LINES[:7], LINES[7:])
    return tmp_path


def write_train(folder: Path, *files: list[tuple[str, str]]) -> None:
    for number, pairs in enumerate(files):
        project.write_split(folder / "clean" / "train", f"{number:05d}", pairs)


def run(folder: Path, vocabulary: Vocabulary = KNOWN, **settings: object) -> Lexicon:
    project.write_parameters(folder, lexicon={"pairs": 1000, "iterations": 10} | settings)
    vocabulary.save(folder / "vocab", "target")
    lexicon.main(folder / "clean", folder / "vocab", folder / "lexicon.parquet")
    return Lexicon.load(folder / "lexicon.parquet")


def test_it_learns_the_words_that_the_vocabulary_lacks(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learned = run(workspace)
    assert {word: learned.translations[word][0] for word, _ in NAMES} == dict(NAMES)
    assert learned.translations["dog"][0] is None
    assert learned.target_vocabulary_sha256 == KNOWN.sha256
    sentence = ["this", "old", "marten", "sees", "the", "dog", "."]
    assert learned.replace(sentence, ["ce", "vieil", "<unk>", "voit", "le", "chien", "."])[2] == "martre"
    assert capsys.readouterr().out == "lexicon: 30 pairs, 5 of 13 source words have an unknown translation\n"


@pytest.mark.parametrize("pairs", [0, 11])
def test_so_many_pairs_are_drawn(pairs: int, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learned = run(workspace, pairs=pairs)
    assert capsys.readouterr().out.startswith(f"lexicon: {pairs} pairs, ")
    assert bool(learned.translations) == bool(pairs)


def test_subwords_lack_the_words_with_a_character_that_they_never_saw(workspace: Path) -> None:
    texts = [french.replace("é", "") for _, french in LINES]
    learned = run(workspace, train_sentencepiece(texts, "unigram", 40))
    assert {word: target for word, (target, _) in learned.translations.items() if target} == {"heron": "héron"}


def test_the_bytes_are_the_same_however_the_text_is_cut_into_files(workspace: Path) -> None:
    run(workspace)
    first = (workspace / "lexicon.parquet").read_bytes()
    write_train(workspace, LINES[:20], LINES[20:])
    run(workspace)
    assert (workspace / "lexicon.parquet").read_bytes() == first


def test_missing_text_is_refused(workspace: Path) -> None:
    for path in (workspace / "clean" / "train").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"train: found no Parquet file; expected what the clean stage writes"):
        run(workspace)
