"""The vocab stage: word lists and subword models."""

import shutil
from pathlib import Path

import pytest

from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import shards
from pipeline.schemas.reports.text import SideVocabulary, Vocabularies
from pipeline.stages import vocab
from s2s.errors import UserError
from s2s.text.vocabulary import SentencePieceVocabulary, WordVocabulary, load
from tests.support import project

LINES = [("the dog sees the cat.", "le chien voit le chat."), ("the dog sleeps.", "le chien dort.")]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_train(tmp_path, *([pair] for pair in LINES))
    project.write_split(tmp_path / "clean", "dev", [("the bird sleeps.", "l'oiseau dort.")])
    return tmp_path


def write_train(folder: Path, *files: list[tuple[str, str]]) -> None:
    """Replace the training text, with one file for each list of pairs."""
    shutil.rmtree(folder / "clean" / "train", ignore_errors=True)
    for number, pairs in enumerate(files):
        project.write_split(folder / "clean" / "train", f"{number:05d}", pairs)


def run(folder: Path, **settings: object) -> Vocabularies:
    chosen = {"kind": "words", "source_size": 100, "target_size": 100, "min_count": 1} | settings
    project.write_parameters(folder, vocab=chosen)
    vocab.main("base", folder / "clean", folder / "vocab", folder / "vocab.json")
    return records.read(Vocabularies, folder / "vocab.json")


def test_words_are_those_of_the_training_tokens_alone(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(workspace)
    source, target = load(workspace / "vocab", "source"), load(workspace / "vocab", "target")
    assert isinstance(source, WordVocabulary)
    assert isinstance(target, WordVocabulary)
    assert source.words[3:] == ("the", ".", "dog", "cat", "sees", "sleeps")
    assert target.words[3:] == ("le", ".", "chien", "chat", "dort", "voit")
    assert capsys.readouterr().out == (
        "vocab base, source: 9 entries know 100.00% of the training text and 75.00% of the development text\n"
        "vocab base, target: 9 entries know 100.00% of the training text and 50.00% of the development text\n"
    )


def test_the_report_says_how_much_of_the_text_is_known(workspace: Path) -> None:
    assert run(workspace, source_size=8, target_size=100, min_count=2) == Vocabularies(
        kind="words",
        sentencepiece_lines=0,
        source=SideVocabulary(6, types=6, tokens=10, train_coverage=0.7, dev_coverage=0.5),
        target=SideVocabulary(6, types=6, tokens=10, train_coverage=0.7, dev_coverage=0.25),
    )


def test_sizes_and_min_count_hold_for_each_side(workspace: Path) -> None:
    run(workspace, source_size=8, target_size=100, min_count=2)
    assert (workspace / "vocab" / "source.words.txt").read_bytes() == b"<pad>\n<unk>\n</s>\nthe\n.\ndog\n"
    assert len(load(workspace / "vocab", "target")) == 6


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_subwords_are_learned_from_the_plain_text(kind: str, workspace: Path) -> None:
    run(workspace, kind=kind, source_size=30, target_size=30)
    assert sorted(path.name for path in (workspace / "vocab").iterdir()) == ["source.spm.model", "target.spm.model"]
    target = load(workspace / "vocab", "target")
    assert isinstance(target, SentencePieceVocabulary)
    assert target.text(target.encode("le chat dort.")) == "le chat dort."


def test_another_kind_leaves_nothing_of_the_one_before(workspace: Path) -> None:
    run(workspace)
    run(workspace, kind="bpe", source_size=30, target_size=30)
    assert load(workspace / "vocab", "source").reads_tokens is False


def test_a_size_below_the_number_of_characters_is_refused(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"^SentencePiece unigram: found size 8; expected at least \d+, one entry for"):
        run(workspace, kind="unigram", source_size=8)
    assert not (workspace / "vocab").exists()


def test_a_text_without_a_word_that_is_frequent_enough_is_refused(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"clean: found 6 source words, each fewer than 4 times; expected some that"):
        run(workspace, min_count=4)
    assert not (workspace / "vocab").exists()


def test_missing_text_is_refused(workspace: Path) -> None:
    for path in (workspace / "clean" / "train").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"train: found no Parquet file; expected what the clean stage writes"):
        run(workspace)


@pytest.mark.parametrize("kind", ["words", "unigram"])
def test_the_bytes_are_the_same_whatever_the_number_of_processes(
    kind: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [(f"{'abcdefghij'[number % 10]} {number % 7} x", f"{number % 11} y") for number in range(300)]
    write_train(workspace, lines[:70], lines[70:80], lines[80:])
    contents = []
    for workers in ("1", "3"):
        monkeypatch.setenv("S2S_WORKERS", workers)
        run(workspace, kind=kind, source_size=30, target_size=30, sentencepiece_lines=100)
        files = [*(workspace / "vocab").iterdir(), workspace / "vocab.json"]
        contents.append({path.name: path.read_bytes() for path in files})
    assert contents[0] == contents[1]


def test_words_are_the_same_however_the_text_is_cut_into_files(workspace: Path) -> None:
    contents = []
    lines = [(f"word {number % 17} {number % 5}", f"mot {number % 13}") for number in range(60)]
    for cut in (1, 30):
        write_train(workspace, lines[:cut], lines[cut:])
        run(workspace, source_size=12, target_size=9)
        contents.append((load(workspace / "vocab", "source").content, load(workspace / "vocab", "target").content))
    assert contents[0] == contents[1]


def test_subwords_are_learned_from_so_many_lines(workspace: Path) -> None:
    write_train(workspace, [(f"{number} a", "b c") for number in range(500)])
    report = run(workspace, kind="bpe", source_size=30, target_size=30, sentencepiece_lines=100)
    assert (report.kind, report.sentencepiece_lines) == ("bpe", 100)
    assert (report.source.types, report.source.entries) == (0, len(load(workspace / "vocab", "source")))
    assert (report.target.train_coverage, report.target.dev_coverage) == (1, 0.5)


def test_lines_are_drawn_in_their_order(workspace: Path) -> None:
    write_train(workspace, *([(f"{number} {n}", "x") for n in range(40)] for number in range(5)))
    files = shards(workspace / "clean", "train")
    lines = list(vocab.draw(files, "source", 100, seed=1))
    assert len(set(lines)) == 100
    assert lines == sorted(lines, key=lambda line: [int(part) for part in line.split()])
    assert list(vocab.draw(files, "source", 10**6, seed=1)) == [
        f"{number} {n}" for number in range(5) for n in range(40)
    ]
