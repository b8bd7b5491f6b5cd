"""The encode stage: token ids, its report, and interrupted runs."""

import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import Encoded, EncodedSplit
from pipeline.schemas.reports.text import LONGEST, Encoding
from pipeline.stages import encode
from s2s.data.corpus import EncodedCorpus, write_split
from s2s.errors import UserError
from s2s.text.subwords import train_sentencepiece
from s2s.text.vocabulary import EOS, UNK, Vocabulary, WordVocabulary, load
from tests.support import project

pytestmark = pytest.mark.process

PAIRS = {
    "train": [("the dog sleeps.", "le chien dort."), ("the dog.", "le chien.")],
    "dev": [("the cat.", "le chat.")],
    "test": [("dog", "chien")],
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_train(tmp_path, *([pair] for pair in PAIRS["train"]))
    for split in ("dev", "test"):
        project.write_split(tmp_path / "clean", split, PAIRS[split])
    return tmp_path


def write_train(folder: Path, *files: list[tuple[str, str]]) -> None:
    """Replace the training text, with one file for each list of pairs."""
    shutil.rmtree(folder / "clean" / "train", ignore_errors=True)
    for number, pairs in enumerate(files):
        project.write_split(folder / "clean" / "train", f"{number:05d}", pairs)


def run(folder: Path, source: Vocabulary, target: Vocabulary) -> Encoded:
    source.save(folder / "vocab", "source")
    target.save(folder / "vocab", "target")
    encode.main(folder / "clean", folder / "vocab", folder / "encoded", folder / "encoding.json")
    return records.read(Encoded, folder / "encoded" / "encoded.json")


def words() -> tuple[Vocabulary, Vocabulary]:
    return WordVocabulary(["the", "dog", "."]), WordVocabulary([".", "le", "chien"])


def test_sources_end_as_they_are_and_targets_with_the_end_of_sentence(workspace: Path) -> None:
    run(workspace, *words())
    corpus = EncodedCorpus.open(workspace / "encoded", "train")
    assert [corpus.source[pair].tolist() for pair in range(2)] == [[3, 4, UNK, 5], [3, 4, 5]]
    assert [corpus.target[pair].tolist() for pair in range(2)] == [[4, 5, UNK, 3, EOS], [4, 5, 3, EOS]]
    assert [str(array.dtype) for array in (corpus.source.ids, corpus.source.offsets)] == ["int32", "int64"]


def test_the_description_counts_tokens_and_unknown_ones(workspace: Path) -> None:
    source, target = words()
    assert run(workspace, source, target) == Encoded(
        source.sha256,
        target.sha256,
        {
            "train": EncodedSplit(2, 7, 7, 1, 1),
            "dev": EncodedSplit(1, 3, 3, 1, 1),
            "test": EncodedSplit(1, 1, 1, 0, 0),
        },
    )


def test_subwords_read_the_plain_text(workspace: Path) -> None:
    sides = [train_sentencepiece((pair[side] for pair in PAIRS["train"]), "bpe", 40) for side in (0, 1)]
    run(workspace, *sides)
    corpus, target = EncodedCorpus.open(workspace / "encoded", "train"), load(workspace / "vocab", "target")
    assert target.text(corpus.target[0].tolist()) == "le chien dort."


def test_the_bytes_are_the_same_whatever_the_processes_and_files(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [(f"the dog{' .' * (number % 3)}", f"le chien {number % 7}") for number in range(40)]
    contents = []
    for workers, cuts in (("1", [0, 40]), ("3", [0, 7, 7, 30, 40])):
        monkeypatch.setenv("S2S_WORKERS", workers)
        write_train(workspace, *(pairs[start:end] for start, end in itertools.pairwise(cuts)))
        run(workspace, *words())
        files = [*(workspace / "encoded").iterdir(), workspace / "encoding.json"]
        contents.append({path.name: path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 20
    assert all(str(workspace).encode() not in content for content in contents[0].values())


def test_the_report_counts_sentences_by_length(workspace: Path) -> None:
    write_train(workspace, PAIRS["train"][:1], [("dog " * length, "chien") for length in (199, 200, 201, 999)])
    run(workspace, *words())
    report = records.read(Encoding, workspace / "encoding.json")
    assert {length: count for length, count in enumerate(report.lengths["train"].source) if count} == {
        4: 1,
        199: 1,
        LONGEST: 3,
    }
    assert {length: count for length, count in enumerate(report.lengths["train"].target) if count} == {2: 4, 5: 1}
    assert len(report.lengths["dev"].source) == LONGEST + 1
    assert report.splits == records.read(Encoded, workspace / "encoded" / "encoded.json").splits


def write_lengths(folder: Path, lengths: list[int]) -> None:
    write_split(folder, "train", [[7] * length for length in lengths], [[EOS]] * len(lengths))


def test_padding_is_what_fills_a_batch_up_to_its_longest_sentence(tmp_path: Path) -> None:
    write_lengths(tmp_path, [1, 3] * 128)
    shares = encode.padding(tmp_path, "train")
    assert shares["bucketed"] == {"source": 0, "target": 0}
    assert shares["random"] == {"source": pytest.approx(1 / 3), "target": 0}
    write_lengths(tmp_path, [4, 1, 1])
    assert encode.padding(tmp_path, "train")["bucketed"]["source"] == 0.5


def test_padding_of_a_large_text_is_told_of_some_of_its_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lengths(tmp_path, np.random.default_rng(0).integers(1, 50, 128 * 100).tolist())
    whole = encode.padding(tmp_path, "train")
    monkeypatch.setattr(encode, "BATCHES", 40)
    drawn = [encode.padding(tmp_path, "train") for _ in range(2)]
    assert drawn[0] == drawn[1] != whole
    for kind, shares in whole.items():
        assert drawn[0][kind]["source"] == pytest.approx(shares["source"], abs=0.04)


def test_a_run_that_is_killed_leaves_nothing_that_looks_whole_and_the_next_one_starts_again(workspace: Path) -> None:
    run(workspace, *words())
    expected = {path.name: path.read_bytes() for path in (workspace / "encoded").iterdir()}
    shutil.rmtree(workspace / "encoded")
    command = [sys.executable, "-m", "pipeline.stages.encode", "--clean=clean", "--vocab=vocab", "--out=encoded"]
    program = subprocess.Popen([*command, "--report=new.json"], env=os.environ | {"PYTHONPATH": str(project.ROOT)})
    while not list(workspace.glob(".encoded.*.part/train.source_ids.npy")):
        assert program.poll() is None
        time.sleep(0.002)
    program.kill()
    program.wait()
    assert not (workspace / "encoded").exists()
    assert not (workspace / "new.json").exists()
    run(workspace, *words())
    assert {path.name: path.read_bytes() for path in (workspace / "encoded").iterdir()} == expected
    assert not list(workspace.glob(".*.part"))


def test_a_missing_vocabulary_is_refused_and_nothing_is_written(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"vocab: found 0 source vocabularies; expected one of"):
        encode.main(workspace / "clean", workspace / "vocab", workspace / "encoded", workspace / "encoding.json")
    assert not (workspace / "encoded").exists()
