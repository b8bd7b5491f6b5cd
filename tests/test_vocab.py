from pathlib import Path

import pytest

from pipeline import vocab
from s2s.errors import UserError
from s2s.vocabulary import SentencePieceVocabulary, WordVocabulary, load
from tests import project

LINES = [("the dog sees the cat.", "le chien voit le chat."), ("the dog sleeps.", "le chien dort.")]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    project.write_split(tmp_path / "clean", "train", LINES)
    project.write_split(tmp_path / "clean", "dev", [("the bird sleeps.", "l'oiseau dort.")])
    return tmp_path


def run(folder: Path, **settings: object) -> None:
    chosen = {"kind": "words", "source_size": 100, "target_size": 100, "min_count": 1} | settings
    project.write_parameters(folder, vocab=chosen)
    vocab.main(folder / "clean", folder / "vocab")


def test_words_are_those_of_the_training_tokens_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(here)
    source, target = load(here / "vocab", "source"), load(here / "vocab", "target")
    assert isinstance(source, WordVocabulary)
    assert isinstance(target, WordVocabulary)
    assert source.words[3:] == ("the", ".", "dog", "cat", "sees", "sleeps")
    assert target.words[3:] == ("le", ".", "chien", "chat", "dort", "voit")
    assert capsys.readouterr().out == (
        "vocab source: 9 entries know 75.00% of the development text\n"
        "vocab target: 9 entries know 50.00% of the development text\n"
    )


def test_sizes_and_min_count_hold_for_each_side(here: Path) -> None:
    run(here, source_size=8, target_size=100, min_count=2)
    assert (here / "vocab" / "source.words.txt").read_bytes() == b"<pad>\n<unk>\n</s>\nthe\n.\ndog\n"
    assert len(load(here / "vocab", "target")) == 6


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_subwords_are_learned_from_the_plain_text(kind: str, here: Path) -> None:
    run(here, kind=kind, source_size=30, target_size=30)
    assert sorted(path.name for path in (here / "vocab").iterdir()) == ["source.spm.model", "target.spm.model"]
    target = load(here / "vocab", "target")
    assert isinstance(target, SentencePieceVocabulary)
    assert target.text(target.encode("le chat dort.")) == "le chat dort."


def test_another_kind_leaves_nothing_of_the_one_before(here: Path) -> None:
    run(here)
    run(here, kind="bpe", source_size=30, target_size=30)
    assert load(here / "vocab", "source").reads_tokens is False


def test_a_size_below_the_number_of_characters_is_refused(here: Path) -> None:
    with pytest.raises(UserError, match=r"^SentencePiece unigram: found size 8; expected at least \d+, one entry for"):
        run(here, kind="unigram", source_size=8)
    assert not (here / "vocab").exists()


def test_missing_text_is_refused(here: Path) -> None:
    (here / "clean" / "train.parquet").unlink()
    with pytest.raises(UserError, match=r"train.parquet: no such file; expected what the clean stage writes"):
        run(here)
